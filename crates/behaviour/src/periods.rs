/// Consecutive half-open periods: `bounds[i] ..bounds[i + 1]`, in microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    bounds: Vec<i64>,
}

impl Periods {
    /// `bounds` rise strictly; one more than there are periods.
    pub fn new(bounds: Vec<i64>) -> Periods {
        debug_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        Periods { bounds }
    }

    pub fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn bounds(&self) -> &[i64] {
        &self.bounds
    }

    /// The period that a moment falls into.
    pub fn of(&self, at: i64) -> Option<usize> {
        let after = self.bounds.partition_point(|bound| *bound <= at);
        (1..self.bounds.len()).contains(&after).then(|| after - 1)
    }
}

/// Periods of moments that do not go back in time.
pub(crate) struct Walk<'a> {
    bounds: &'a [i64],
    /// Of the first bound after the moment before.
    next: usize,
}

impl Periods {
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { bounds: &self.bounds, next: 0 }
    }
}

impl Walk<'_> {
    #[inline]
    pub fn of(&mut self, at: i64) -> Option<usize> {
        if self.next == 0 {
            self.next = self.bounds.partition_point(|bound| *bound <= at);
        }
        while self.next < self.bounds.len() && self.bounds[self.next] <= at {
            self.next += 1;
        }
        (self.next > 0 && self.next < self.bounds.len()).then(|| self.next - 1)
    }
}
