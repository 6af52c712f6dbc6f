use crate::Timestamp;

/// Where "now" comes from. Passed in as a value so that tests, and a server started with a fixed clock, agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    System,
    /// Every "now" is this instant (`HOGLET_FIXED_NOW`, for tests only).
    Fixed(Timestamp),
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => {
                let since_epoch = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map(|elapsed| elapsed.as_micros() as i64)
                    .unwrap_or_else(|before| -(before.duration().as_micros() as i64));
                Timestamp(since_epoch)
            }
            Clock::Fixed(at) => *at,
        }
    }
}
