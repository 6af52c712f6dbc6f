//! The token that opens a live stream: a JWT that the application hands to signed-in users (`live_events_token` of a project).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{Clock, TeamId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use teams::Team;

const AUDIENCE: &str = "posthog:livestream";
const LIFETIME_SECONDS: i64 = 7 * 24 * 3600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub team: TeamId,
    pub api_token: String,
    pub user: Option<UserId>,
}

#[derive(Clone)]
pub struct LiveTokens {
    sign: EncodingKey,
    verify: DecodingKey,
    clock: Clock,
}

#[derive(Serialize, Deserialize)]
struct WireClaims {
    team_id: i64,
    api_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    #[serde(default)]
    organization_id: Option<String>,
    aud: String,
    exp: i64,
}

impl LiveTokens {
    /// `secret` is `LIVESTREAM_JWT_SECRET`, or the server's own secret where none is set.
    pub fn new(secret: &[u8], clock: Clock) -> Self {
        Self { sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret), clock }
    }

    pub fn issue(&self, team: &Team, user: Option<UserId>) -> anyhow::Result<String> {
        let claims = WireClaims {
            team_id: team.id.0,
            api_token: team.api_token.clone(),
            user_id: user.map(|user| user.0),
            organization_id: Some(team.organization.to_string()),
            aud: AUDIENCE.to_owned(),
            exp: self.clock.now().plus_seconds(LIFETIME_SECONDS).seconds(),
        };
        Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?)
    }

    /// `None` for anything that this server, or another holder of the secret, did not sign for live streams.
    pub fn read(&self, token: &str) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "aud"]);
        // Compared below instead, because the library knows only the system's clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<WireClaims>(token, &self.verify, &rules).ok()?.claims;
        let expired = Timestamp::from_seconds(claims.exp) <= self.clock.now();
        let usable = !expired && claims.team_id != 0 && !claims.api_token.is_empty();
        usable.then(|| Claims { team: TeamId(claims.team_id), api_token: claims.api_token, user: claims.user_id.map(UserId) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: i64) -> Clock {
        Clock::Fixed(Timestamp::from_seconds(seconds))
    }

    fn signed(secret: &[u8], algorithm: Algorithm, claims: serde_json::Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    #[test]
    fn token_made_elsewhere_with_the_same_secret_is_read() {
        let token =
            signed(b"secret", Algorithm::HS256, json!({"team_id": 7, "api_token": "phc_a", "aud": "posthog:livestream", "exp": 200}));
        let claims = LiveTokens::new(b"secret", at(100)).read(&token);
        assert_eq!(claims, Some(Claims { team: TeamId(7), api_token: "phc_a".into(), user: None }));
    }

    #[test]
    fn forged_expired_and_foreign_tokens_are_refused() {
        let tokens = LiveTokens::new(b"secret", at(100));
        let good = json!({"team_id": 7, "api_token": "phc_a", "aud": "posthog:livestream", "exp": 200});
        let changed = |name: &str, value: serde_json::Value| {
            let mut claims = good.clone();
            claims[name] = value;
            tokens.read(&signed(b"secret", Algorithm::HS256, claims))
        };
        assert!(tokens.read(&signed(b"secret", Algorithm::HS256, good.clone())).is_some());
        assert_eq!(tokens.read(&signed(b"other", Algorithm::HS256, good.clone())), None);
        assert_eq!(tokens.read(&signed(b"secret", Algorithm::HS512, good.clone())), None);
        assert_eq!(changed("exp", json!(100)), None);
        assert_eq!(changed("aud", json!("posthog:password_reset")), None);
        assert_eq!(changed("team_id", json!(0)), None);
        assert_eq!(changed("api_token", json!("")), None);
        assert_eq!(tokens.read("not.a.token"), None);
        let unsigned = "eyJhbGciOiJub25lIn0.eyJ0ZWFtX2lkIjo3LCJhcGlfdG9rZW4iOiJhIiwiYXVkIjoicG9zdGhvZzpsaXZlc3RyZWFtIiwiZXhwIjoyMDB9.";
        assert_eq!(tokens.read(unsigned), None);
    }
}
