//! What somebody does in ninety days: heavy-tailed numbers of sessions, pages that lead to pages, and for some the way from
//! signing up to buying. A pure function of the person's number.

use super::catalogue::{
    ACTIVATED, ADD_TO_CART, CHECKOUT_PAGE, CHECKOUT_STARTED, DASHBOARD_PAGE, FIRST_RARE, MAIN_PAGES, MERGE, PAGES, PAGEVIEW, PAYMENT_PAGE,
    PURCHASE, REFERRERS, SIGNUP, SIGNUP_PAGE, VIEW_ITEM, Variant,
};
use super::noise::{Noise, hash};
use super::person::person;
use std::ops::Range;

/// 2026-01-01T00:00:00Z
pub const FIRST_MS: i64 = 1_767_225_600_000;
pub const DAYS: i64 = 90;
pub const DAY_MS: i64 = 86_400_000;
/// The last second belongs to merges.
pub const LAST_MS: i64 = FIRST_MS + DAYS * DAY_MS - 1000;
/// Measured over a million persons; see the test.
pub const EVENTS_PER_PERSON: f64 = 21.6;

const LIFE: u64 = 10;
const SESSION: u64 = 11;
/// No session lasts longer than its 200 events at about 25 seconds each.
const LONGEST_SESSION_MS: i64 = DAY_MS;
const MOST_EVENTS: u32 = 200;
/// Two sessions of a person that overlap use different instants, so that the order of a person's events is never a matter of taste.
const SLOT_MS: i64 = 64;

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub at_ms: i64,
    pub person: u32,
    /// Numbered over all persons, from 1.
    pub session: u32,
    pub session_start_ms: i64,
    /// Within the session.
    pub position: u16,
    /// Index into [`super::catalogue::EVENTS`].
    pub name: u8,
    /// Which of the person's distinct ids.
    pub id: u8,
    pub page: u16,
    pub variant: Variant,
    pub price_cents: Option<u32>,
    /// Index into [`REFERRERS`].
    pub referrer: u8,
    pub campaign: Option<u8>,
    /// Of a merge: the person who becomes this one.
    pub merges_away: Option<u32>,
}

/// The merge with this number; the last things that happen.
pub fn merge(number: usize, stays: u32, goes: u32, session: u32) -> Event {
    Event {
        at_ms: LAST_MS + number as i64 % 1000,
        person: stays,
        session,
        session_start_ms: LAST_MS,
        position: 0,
        name: MERGE,
        id: 0,
        page: 0,
        variant: Variant::Plain,
        price_cents: None,
        referrer: 0,
        campaign: None,
        merges_away: Some(goes),
    }
}

/// The frame of somebody's ninety days.
pub struct Life {
    person: u32,
    /// Starts of sessions in milliseconds, sorted.
    pub sessions: Vec<i64>,
    /// The person was known before the data begins, for this many days.
    pub known_before_days: Option<u32>,
    milestones: Milestones,
}

/// In which of their sessions somebody gets how far.
#[derive(Default)]
struct Milestones {
    signup: Option<usize>,
    activated: Option<usize>,
    checkout: Option<usize>,
    buys: bool,
}

pub fn sessions_of(person: u32) -> usize {
    sessions(&mut Noise::of(LIFE, person.into()))
}

/// A Pareto law: most have one session, a few have hundreds.
fn sessions(noise: &mut Noise) -> usize {
    const SCALE: f64 = 0.948;
    let wanted = (SCALE * (1.0 - noise.share()).powf(-1.0 / 1.25)).min(1500.0);
    let whole = wanted.floor() + f64::from(u8::from(noise.happens(wanted.fract())));
    whole.max(1.0) as usize
}

pub fn life(person: u32) -> Life {
    let mut noise = Noise::of(LIFE, person.into());
    let count = sessions(&mut noise);
    let is_new = noise.happens(0.6);
    let known_before_days = (!is_new).then(|| 1 + noise.below(300) as u32);
    let first_day = if is_new { noise.share() * (DAYS as f64 - 1.0) } else { 0.0 };
    let days = match count {
        1 => 0.001,
        _ => (noise.exponential(25.0) + count as f64 * 0.3).min(DAYS as f64 - first_day - 0.01).max(0.01),
    };
    let mut sessions: Vec<i64> = (0..count)
        .map(|index| {
            if index == 0 && is_new {
                return first_day;
            }
            let day = (first_day + noise.share() * days).floor();
            // Around noon, rarely at night.
            let hour = (noise.share() + noise.share() + noise.share()) / 3.0;
            (day + hour).max(first_day)
        })
        .map(|days| FIRST_MS + (days * DAY_MS as f64) as i64)
        .collect();
    sessions.sort_unstable();
    let milestones = milestones(&mut noise, is_new, count);
    Life { person, sessions, known_before_days, milestones }
}

fn milestones(noise: &mut Noise, is_new: bool, sessions: usize) -> Milestones {
    let mut reached = Milestones::default();
    if !noise.happens(if is_new { 0.6 } else { 0.05 }) {
        return reached;
    }
    reached.signup = Some(0);
    if noise.happens(0.5) {
        let activated = (noise.below(4) as usize).min(sessions - 1);
        reached.activated = Some(activated);
        if noise.happens(0.5) {
            reached.checkout = Some((activated + noise.below(5) as usize).min(sessions - 1));
            reached.buys = noise.happens(0.7);
        }
    }
    reached
}

impl Life {
    /// When the person was first seen; for those who were known before, on an earlier day.
    pub fn created_ms(&self) -> i64 {
        let before = self.known_before_days.map_or(0, |days| i64::from(days) * DAY_MS);
        self.sessions[0] - before
    }

    /// The events that fall into `window`; sessions are numbered from `first_session` on. `odd` persons use odd milliseconds.
    pub fn tell(&self, first_session: u32, odd: bool, window: &Range<i64>, out: &mut Vec<Event>) {
        for (index, &start) in self.sessions.iter().enumerate() {
            if start >= window.end || start + LONGEST_SESSION_MS < window.start {
                continue;
            }
            let slot = (index as i64 % (SLOT_MS / 2)) * 2 + i64::from(odd);
            let mut session = Session::new(self.person, first_session + index as u32, start, slot, window.clone());
            session.play(index, &self.milestones, out);
        }
    }
}

/// A session while it is played.
struct Session {
    noise: Noise,
    next: Event,
    clock_ms: i64,
    slot: i64,
    window: Range<i64>,
}

impl Session {
    fn new(whose: u32, number: u32, start_ms: i64, slot: i64, window: Range<i64>) -> Session {
        let mut noise = Noise::of(SESSION, number.into());
        let referrer = if noise.happens(0.45) { 0 } else { 1 + noise.skewed(REFERRERS.len() as u64 - 1) as u8 };
        let campaign = noise.happens(0.2).then(|| 1 + noise.below(32) as u8);
        let id = noise.below(person(whose).ids.into()) as u8;
        let next = Event {
            at_ms: start_ms,
            person: whose,
            session: number,
            session_start_ms: start_ms,
            position: 0,
            name: PAGEVIEW,
            id,
            page: noise.skewed(PAGES) as u16,
            variant: campaign.map_or(Variant::Plain, Variant::Campaign),
            price_cents: None,
            referrer,
            campaign,
            merges_away: None,
        };
        Session { noise, next, clock_ms: start_ms, slot, window }
    }

    fn play(&mut self, index: usize, reached: &Milestones, out: &mut Vec<Event>) {
        let count = (1 + self.noise.exponential(4.0).round() as u32).min(MOST_EVENTS);
        self.happen(PAGEVIEW, None, out);
        self.milestones(index, reached, out);
        for _ in 1..count {
            let name = self.choose();
            if name == PAGEVIEW {
                self.follow_a_link();
            }
            let price = matches!(name, VIEW_ITEM | ADD_TO_CART).then(|| self.price(40.0, 300));
            self.happen(name, price, out);
        }
    }

    fn milestones(&mut self, index: usize, reached: &Milestones, out: &mut Vec<Event>) {
        if reached.signup == Some(index) {
            self.happen_at(SIGNUP_PAGE, SIGNUP, None, out);
        }
        if reached.activated == Some(index) {
            self.happen_at(DASHBOARD_PAGE, ACTIVATED, None, out);
        }
        let again = reached.buys && reached.checkout.is_some_and(|first| index > first) && self.noise.happens(0.05);
        if reached.checkout == Some(index) || again {
            let price = Some(self.price(60.0, 500));
            self.happen_at(CHECKOUT_PAGE, CHECKOUT_STARTED, price, out);
            if reached.buys {
                self.happen_at(PAYMENT_PAGE, PURCHASE, price, out);
            }
        }
    }

    fn choose(&mut self) -> u8 {
        const COMMON: [(f64, u8); 10] =
            [(26.0, 0), (31.0, 1), (10.0, 2), (7.0, 3), (5.0, 4), (5.0, VIEW_ITEM), (2.0, 6), (1.5, 7), (0.5, 8), (0.4, 9)];
        const ADDING_TO_CART: f64 = 2.1;
        const OTHERS: f64 = 9.5;
        let rare = FIRST_RARE + self.noise.skewed(46) as u8;
        let mut choices = [(0.0, 0_u8); 12];
        choices[..10].copy_from_slice(&COMMON);
        choices[10] = (ADDING_TO_CART, ADD_TO_CART);
        choices[11] = (OTHERS, rare);
        self.noise.pick(&choices)
    }

    /// Every page leads to five others; sometimes somebody jumps. Some addresses carry an id that hardly anybody else sees.
    fn follow_a_link(&mut self) {
        let link = self.noise.below(5);
        self.next.page = match self.noise.happens(0.6) {
            true => (hash(self.next.page.into(), link) % PAGES) as u16,
            false => self.noise.skewed(PAGES) as u16,
        };
        let luck = self.noise.share();
        self.next.variant = if luck < 0.05 { Variant::Item(16 + self.noise.below(200_000) as u32) } else { Variant::Plain };
        if self.next.page < MAIN_PAGES && luck > 0.97 {
            self.next.page = CHECKOUT_PAGE;
        }
    }

    fn price(&mut self, mean: f64, least_cents: u32) -> u32 {
        least_cents + (self.noise.exponential(mean) * 100.0).round() as u32
    }

    /// Something that happens on a page of its own and leads nowhere.
    fn happen_at(&mut self, page: u16, name: u8, price_cents: Option<u32>, out: &mut Vec<Event>) {
        let (before, variant) = (self.next.page, self.next.variant);
        (self.next.page, self.next.variant) = (page, Variant::Plain);
        self.happen(name, price_cents, out);
        (self.next.page, self.next.variant) = (before, variant);
    }

    fn happen(&mut self, name: u8, price_cents: Option<u32>, out: &mut Vec<Event>) {
        let at_ms = self.clock_ms.div_euclid(SLOT_MS) * SLOT_MS + self.slot;
        if at_ms < LAST_MS && self.window.contains(&at_ms) {
            out.push(Event { at_ms, name, price_cents, ..self.next });
        }
        self.next.position += 1;
        self.clock_ms += SLOT_MS + (self.noise.exponential(25_000.0)) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn told(persons: Range<u32>, window: Range<i64>) -> Vec<Event> {
        let (mut events, mut session) = (Vec::new(), 1);
        for number in persons {
            let life = life(number);
            life.tell(session, number % 2 == 1, &window, &mut events);
            session += life.sessions.len() as u32;
        }
        events
    }

    const ALL: Range<i64> = FIRST_MS..LAST_MS;

    #[test]
    fn windows_add_up_to_the_whole() {
        let middle = FIRST_MS + 37 * DAY_MS;
        let parts = told(0..2000, FIRST_MS..middle).len() + told(0..2000, middle..LAST_MS).len();
        assert_eq!(parts, told(0..2000, ALL).len());
    }

    #[test]
    fn persons_have_about_as_many_events_as_is_said() {
        let mean = told(0..100_000, ALL).len() as f64 / 100_000.0;
        assert!((mean / EVENTS_PER_PERSON - 1.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn no_two_events_of_a_person_share_an_instant() {
        let events = told(0..5000, ALL);
        let instants: HashSet<(u32, i64)> = events.iter().map(|event| (event.person, event.at_ms)).collect();
        assert_eq!(instants.len(), events.len());
    }

    #[test]
    fn the_way_to_a_purchase_loses_people_at_every_step() {
        let events = told(0..20_000, ALL);
        let who = |name: u8| events.iter().filter(|event| event.name == name).map(|event| event.person).collect::<HashSet<_>>().len();
        let steps = [SIGNUP, ACTIVATED, CHECKOUT_STARTED, PURCHASE].map(who);
        assert!(steps.windows(2).all(|pair| pair[0] > pair[1]) && steps[3] > 500, "{steps:?}");
    }
}
