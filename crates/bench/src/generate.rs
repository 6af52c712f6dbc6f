//! `hoglet-bench generate`: ninety days of made-up product analytics on standard output, the same bytes every time.
//!
//! Persons are pure functions of their number, so nothing is kept: for each stretch of days everybody is told again and only that
//! stretch is written. Memory depends on the number of persons and the size of a stretch, not on the number of events.

mod catalogue;
mod forms;
mod noise;
mod person;
mod story;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use person::{Merges, distinct_id, distinct_id_number};
use serde_json::json;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use story::{DAY_MS, DAYS, EVENTS_PER_PERSON, Event, FIRST_MS, LAST_MS, life, merge, sessions_of};

const EVENTS_PER_STRETCH: u64 = 2_000_000;
const FLUSH_BYTES: usize = 1 << 20;
/// Person numbers times four must fit 32 bits.
const MOST_EVENTS: u64 = 10_000_000_000;

#[derive(Args)]
pub struct GenerateArgs {
    /// About how many events (the number of persons follows from it)
    #[arg(long, default_value_t = 20_000_000)]
    events: u64,
    /// Percentage of persons who are merged into another one, 0 to 50
    #[arg(long, default_value_t = 1.0)]
    merged: f64,
    /// Number of merges, instead of a percentage
    #[arg(long, conflicts_with = "merged")]
    merges: Option<u32>,
    #[arg(long, value_enum)]
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON lines as SDKs send events
    Capture,
    /// JSON lines for `hoglet import persons`
    Persons,
    /// Tab-separated rows with properties as JSON, as PostHog stores them
    Rows,
    /// Tab-separated rows with a column per property and numbers for ids
    Shredded,
    /// Tab-separated: distinct ids that belong to somebody else since a merge
    Overrides,
    /// JSON: how much there is, and whom to ask for
    Facts,
}

struct World {
    persons: u32,
    merges: Merges,
    /// Of each person, the number of the first; one more at the end.
    first_session: Vec<u32>,
    stretches: u64,
}

impl World {
    fn new(args: &GenerateArgs) -> Result<World> {
        ensure!((1000..=MOST_EVENTS).contains(&args.events), "--events must be between 1000 and {MOST_EVENTS}");
        ensure!((0.0..=50.0).contains(&args.merged), "--merged is a percentage from 0 to 50: nobody is merged twice");
        let persons = (args.events as f64 / EVENTS_PER_PERSON).ceil() as u32;
        let merges = args.merges.unwrap_or((f64::from(persons) * args.merged / 100.0).round() as u32);
        ensure!(merges <= persons / 2, "{merges} merges are too many for {persons} persons: nobody is merged twice");
        let mut next = 1;
        let mut first_session: Vec<u32> = Vec::with_capacity(persons as usize + 1);
        for number in 0..persons {
            first_session.push(next);
            next += sessions_of(number) as u32;
        }
        first_session.push(next);
        Ok(World { persons, merges: Merges::new(persons, merges), first_session, stretches: args.events.div_ceil(EVENTS_PER_STRETCH) })
    }

    /// All events in the order in which they happen, in pieces, made while earlier ones are written.
    fn events(self: std::sync::Arc<World>) -> Receiver<Vec<Event>> {
        let (sender, receiver) = sync_channel(1);
        std::thread::spawn(move || {
            for index in 0..self.stretches {
                if sender.send(self.stretch(index)).is_err() {
                    return;
                }
            }
            let _ = sender.send(self.merge_events());
        });
        receiver
    }

    fn stretch(&self, index: u64) -> Vec<Event> {
        // Whole hours, so that no slot of a session is cut in two.
        let hour = |index: u64| (DAYS * 24) as u64 * index / self.stretches;
        let at = |index: u64| FIRST_MS + hour(index) as i64 * (DAY_MS / 24);
        let window = at(index)..at(index + 1);
        let half = self.persons / 2;
        let mut events = std::thread::scope(|scope| {
            let second = scope.spawn(|| self.tell(half..self.persons, &window));
            let mut events = self.tell(0..half, &window);
            events.extend(second.join().expect("telling does not panic"));
            events
        });
        events.sort_unstable_by_key(|event| (event.at_ms, event.person));
        events
    }

    fn tell(&self, persons: Range<u32>, window: &Range<i64>) -> Vec<Event> {
        let mut events = Vec::new();
        for number in persons {
            life(number).tell(self.first_session[number as usize], self.merges.is_merged_away(number), window, &mut events);
        }
        events
    }

    fn merge_events(&self) -> Vec<Event> {
        let after = self.first_session[self.persons as usize];
        let mut events: Vec<Event> = self
            .merges
            .pairs
            .iter()
            .enumerate()
            .map(|(number, &(stays, goes))| merge(number, stays, goes, after + number as u32))
            .collect();
        events.sort_by_key(|event| event.at_ms);
        events
    }
}

/// A reader that has seen enough ends the work; that is not a failure.
pub fn run(args: &GenerateArgs) -> Result<()> {
    match write(args) {
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) => Ok(()),
        result => result,
    }
}

fn write(args: &GenerateArgs) -> Result<()> {
    let world = std::sync::Arc::new(World::new(args)?);
    let mut out = BufWriter::with_capacity(FLUSH_BYTES, std::io::stdout().lock());
    match args.form {
        Form::Facts => writeln!(out, "{:#}", facts(&world))?,
        Form::Overrides => {
            let mut lines = Vec::new();
            forms::overrides(&world.merges, &mut lines)?;
            out.write_all(&lines)?;
        }
        Form::Persons => write_persons(&world, &mut out)?,
        form => write_events(&world, form, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

fn write_persons(world: &World, out: &mut impl Write) -> Result<()> {
    let mut line = Vec::new();
    for number in 0..world.persons {
        line.clear();
        forms::person_line(number, &life(number), &mut line)?;
        out.write_all(&line)?;
    }
    Ok(())
}

fn write_events(world: &std::sync::Arc<World>, form: Form, out: &mut impl Write) -> Result<()> {
    let created_ms: Vec<i64> = match form {
        Form::Capture => Vec::new(),
        _ => (0..world.persons).map(|number| life(number).created_ms()).collect(),
    };
    let mut line = Vec::new();
    for events in world.clone().events() {
        for event in &events {
            line.clear();
            match form {
                Form::Rows => forms::row(event, created_ms[event.person as usize], &mut line)?,
                Form::Shredded => forms::shredded(event, created_ms[event.person as usize], &mut line)?,
                _ => forms::capture(event, &mut line)?,
            }
            out.write_all(&line)?;
        }
    }
    Ok(())
}

/// How much there is, and a person with many events, if possible one who took another in.
fn facts(world: &std::sync::Arc<World>) -> serde_json::Value {
    let mut by_person = vec![0_u64; world.persons as usize];
    let mut sample = (0_u64, 0_usize);
    for events in world.clone().events() {
        for event in &events {
            by_person[world.merges.survivor(event.person) as usize] += 1;
        }
        if sample.0 == 0 {
            let mut bytes = Vec::new();
            events.iter().take(10_000).for_each(|event| forms::capture(event, &mut bytes).expect("writing to memory"));
            sample = (events.len().min(10_000) as u64, bytes.len());
        }
    }
    let busiest =
        |persons: &mut dyn Iterator<Item = u32>| persons.max_by_key(|&number| (by_person[number as usize].min(400), u32::MAX - number));
    let subject = busiest(&mut world.merges.pairs.iter().map(|&(stays, _)| stays))
        .or_else(|| busiest(&mut (0..world.persons)))
        .expect("there is somebody");
    let ids: Vec<(u32, u8)> = (0..world.persons)
        .filter(|&number| world.merges.survivor(number) == subject)
        .flat_map(|number| (0..person::person(number).ids).map(move |id| (number, id)))
        .collect();
    json!({
        "events": by_person.iter().sum::<u64>(),
        "persons": world.persons,
        "sessions": world.first_session[world.persons as usize] - 1,
        "merges": world.merges.pairs.len(),
        "json_bytes_per_event": sample.1 as f64 / sample.0.max(1) as f64,
        "last_ms": LAST_MS + 999,
        "somebody": {
            "person": subject,
            "events": by_person[subject as usize],
            "distinct_ids": ids.iter().map(|&(number, id)| distinct_id(number, id)).collect::<Vec<_>>(),
            "distinct_id_numbers": ids.iter().map(|&(number, id)| distinct_id_number(number, id)).collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn world(events: u64) -> Arc<World> {
        Arc::new(World::new(&GenerateArgs { events, merged: 1.0, merges: None, form: Form::Facts }).unwrap())
    }

    #[test]
    fn the_bytes_are_the_same_with_any_number_of_stretches() {
        let written = |stretches: u64| {
            let mut world = Arc::into_inner(world(40_000)).unwrap();
            world.stretches = stretches;
            let mut out = Vec::new();
            write_events(&Arc::new(world), Form::Capture, &mut out).unwrap();
            out
        };
        assert!(written(1) == written(7));
    }

    #[test]
    fn every_line_of_the_capture_form_is_an_event_in_the_order_of_time() {
        let mut out = Vec::new();
        write_events(&world(20_000), Form::Capture, &mut out).unwrap();
        let mut before = String::new();
        for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event: serde_json::Value = serde_json::from_slice(line).unwrap();
            let at = event["timestamp"].as_str().unwrap().to_owned();
            assert!(before <= at && at.starts_with("2026-0"), "{before} {at}");
            assert!(event["properties"].as_object().unwrap().len() >= 25);
            before = at;
        }
    }

    #[test]
    fn the_forms_hold_the_same_events() {
        let lines = |form: Form| {
            let mut out = Vec::new();
            write_events(&world(20_000), form, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let (rows, shredded) = (lines(Form::Rows), lines(Form::Shredded));
        let start = |line: &str| line.split('\t').take(2).map(str::to_owned).collect::<Vec<_>>();
        assert!(rows.lines().map(start).eq(shredded.lines().map(start)));
        assert!(shredded.lines().all(|line| line.split('\t').count() == 33), "{:?}", shredded.lines().next());
        assert_eq!(lines(Form::Capture).lines().count() as u64, facts(&world(20_000))["events"].as_u64().unwrap());
    }
}
