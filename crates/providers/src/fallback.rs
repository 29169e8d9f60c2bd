//! The models that may answer a request: the one that was asked for, and those that stand by.

use std::collections::VecDeque;

use super::{ChosenModel, ErrorKind, ProviderError};

/// A model to ask, and others to ask in its place.
pub struct Candidates {
    current: ChosenModel,
    others: VecDeque<ChosenModel>,
}

impl Candidates {
    pub(super) fn new(current: ChosenModel, others: VecDeque<ChosenModel>) -> Self {
        Self { current, others }
    }

    /// The model to ask.
    pub fn current(&self) -> &ChosenModel {
        &self.current
    }

    /// Whether another model stands by.
    pub fn has_next(&self) -> bool {
        !self.others.is_empty()
    }

    /// Goes on to the next model if the failure is of a kind that another provider may not have.
    pub fn give_way(&mut self, error: &ProviderError) -> bool {
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
