//! The models that can answer a request: the requested one and its fallbacks.

use std::collections::VecDeque;

use super::{ChosenModel, ErrorKind, ProviderError};

/// A model and its fallbacks.
pub struct Candidates {
    current: ChosenModel,
    others: VecDeque<ChosenModel>,
}

impl Candidates {
    pub(super) fn new(current: ChosenModel, others: VecDeque<ChosenModel>) -> Self {
        Self { current, others }
    }

    /// Those that this function takes, as it returns them; `None` if it takes none of them.
    pub fn filter_map(self, take: impl Fn(ChosenModel) -> Option<ChosenModel>) -> Option<Self> {
        let all = std::iter::once(self.current).chain(self.others);
        let mut taken: VecDeque<_> = all.filter_map(take).collect();
        let current = taken.pop_front()?;
        taken.shrink_to_fit();
        Some(Self { current, others: taken })
    }

    /// The current model.
    pub fn current(&self) -> &ChosenModel {
        &self.current
    }

    /// Whether there is a fallback.
    pub fn has_next(&self) -> bool {
        !self.others.is_empty()
    }

    /// Switches to the next fallback, if another provider may not have this failure. Returns whether
    /// it switched.
    pub fn next_fallback(&mut self, error: &ProviderError) -> bool {
        let is_down = matches!(
            error.kind,
            ErrorKind::Overloaded
                | ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::Unreachable
                | ErrorKind::Timeout
                | ErrorKind::Truncated
        );
        match self.others.pop_front().filter(|_| is_down) {
            Some(next) => {
                self.current = next;
                true
            }
            None => false,
        }
    }
}
