//! `/livestream…`: the stream, the numbers and a greeting.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};
use web::ApiError;

use crate::{
    Claims, Live,
    filter::{Asked, Filter},
    hub::Published,
};

pub async fn greeting() -> &'static str {
    "Live events of Hoglet\n"
}

pub async fn events(State(live): State<Live>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let Some(claims) = admitted(&live, &headers, asked.token.as_deref()).await else {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "wrong token"}))).into_response();
    };
    let filter = match Filter::parse(&asked) {
        Ok(filter) => filter,
        Err(error) => return error.into_response(),
    };
    let Some(events) = live.hub.watch(claims.team, live.limits.streams_per_team) else {
        return ApiError::throttled("Too many live streams of this project are open.").into_response();
    };
    let watch = Watch::begin(live, claims, filter, events);
    let mut response = Sse::new(frames(watch)).keep_alive(KeepAlive::default()).into_response();
    // Proxies of the nginx family hold back a stream without it.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[derive(Deserialize)]
pub struct StatsQuery {
    token: Option<String>,
}

pub async fn stats(State(live): State<Live>, Query(asked): Query<StatsQuery>, headers: HeaderMap) -> Response {
    let Some(claims) = admitted(&live, &headers, asked.token.as_deref()).await else {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "wrong token claims"}))).into_response();
    };
    match live.hub.stats(claims.team) {
        Some(stats) => Json(stats).into_response(),
        None => Json(json!({"error": "no stats"})).into_response(),
    }
}

/// The header wins; `EventSource` in browsers cannot set one and puts the token into the query.
async fn admitted(live: &Live, headers: &HeaderMap, in_query: Option<&str>) -> Option<Claims> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let claims = live.tokens.read(bearer.or(in_query)?)?;
    (live.is_valid)(claims.clone()).await.then_some(claims)
}

/// One open stream.
struct Watch {
    live: Live,
    claims: Claims,
    filter: Filter,
    events: Receiver<Arc<Published>>,
    ends_at: Instant,
    recheck: Interval,
}

impl Watch {
    fn begin(live: Live, claims: Claims, filter: Filter, events: Receiver<Arc<Published>>) -> Self {
        let now = Instant::now();
        let mut recheck = interval_at(now + live.limits.recheck_every, live.limits.recheck_every);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ends_at: now + live.limits.lifetime, recheck, live, claims, filter, events }
    }

    /// `None` ends the stream: its time is over, its token is no longer valid, or the server is shutting down.
    async fn next(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                // The limits are looked at first, so that a flood of events cannot keep a stream open.
                biased;
                () = sleep_until(self.ends_at) => return None,
                _ = self.recheck.tick() => {
                    if !(self.live.is_valid)(self.claims.clone()).await {
                        return None;
                    }
                }
                received = self.events.recv() => match received {
                    Ok(published) => {
                        if let Some(frame) = self.filter.frame(&published) {
                            return Some(frame);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

fn frames(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    // Sends the head of the reply at once; a client would otherwise wait for the first event to know that it is connected.
    let opening = stream::once(async { Event::default().comment("watching") });
    let events = stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((Event::default().data(frame), watch))
    });
    opening.chain(events).map(Ok)
}

#[cfg(test)]
mod tests;
