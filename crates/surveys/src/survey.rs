//! A survey as it is stored and edited.

use model::{TeamId, Timestamp, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    pub id: Uuid,
    pub team: TeamId,
    pub name: String,
    /// For the team only; respondents never see it.
    pub description: String,
    pub kind: Kind,
    pub schedule: Schedule,
    /// As clients wrote them, checked, each with an id; empty while a draft has none.
    pub questions: Vec<Value>,
    /// Where and to whom it is shown; null or an object.
    pub conditions: Value,
    /// null or an object.
    pub appearance: Value,
    /// The fields that are kept and handed back without meaning anything here, under their API names; see [`EXTRA`].
    pub extra: Map<String, Value>,
    /// A flag of the team's own that must be on.
    pub linked_flag: Option<i64>,
    pub linked_insight: Option<i64>,
    /// Whom it is shown to; made here from `targeting_flag_filters`, or a flag that the team names.
    pub targeting_flag: Option<i64>,
    /// Keeps it from those who answered or dismissed it; made here.
    pub internal_flag: Option<i64>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub archived: bool,
    /// The survey ends when it has this many responses.
    pub responses_limit: Option<i64>,
    pub iteration_count: Option<i64>,
    pub iteration_frequency_days: Option<i64>,
    /// When each iteration begins; empty unless it runs in iterations.
    pub iteration_starts: Vec<Timestamp>,
    /// From 1.
    pub current_iteration: Option<i64>,
    /// Count what people answered before they left.
    pub counts_partial: bool,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Kept for clients that write them and compare what they read.
pub const EXTRA: &[&str] = &[
    "translations",
    "form_content",
    "enable_iframe_embedding",
    "response_sampling_start_date",
    "response_sampling_interval_type",
    "response_sampling_interval",
    "response_sampling_limit",
    "response_sampling_daily_limits",
];

impl Survey {
    pub fn is_running(&self) -> bool {
        self.start.is_some() && self.end.is_none() && !self.archived
    }

    pub fn current_iteration_start(&self) -> Option<Timestamp> {
        let index = usize::try_from(self.current_iteration?.checked_sub(1)?).ok()?;
        self.iteration_starts.get(index).copied()
    }

    /// What a hosted page of its own may be put into.
    pub fn may_be_framed(&self) -> bool {
        self.extra.get("enable_iframe_embedding") == Some(&Value::Bool(true))
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            pub fn parse(word: &str) -> Option<$name> {
                match word {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }

            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// How respondents meet it.
    Kind {
        Popover = "popover",
        Widget = "widget",
        Api = "api",
        External = "external_survey",
    }
}

words! {
    Schedule {
        Once = "once",
        Recurring = "recurring",
        Always = "always",
    }
}
