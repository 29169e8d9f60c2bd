//! The model that a generation calls.

use std::time::Duration;

use tokio::time::Instant;

use crate::providers::ChosenModel;

/// The model of the call under way, or of the last one.
pub(super) struct ActiveModel {
    current: Option<ChosenModel>,
    /// Its call has brought nothing yet.
    is_silent: bool,
    call_began: Option<Instant>,
}

impl Default for ActiveModel {
    fn default() -> Self {
        Self { current: None, is_silent: true, call_began: None }
    }
}

impl ActiveModel {
    pub(super) fn current(&self) -> Option<&ChosenModel> {
        self.current.as_ref()
    }

    pub(super) fn id(&self) -> Option<String> {
        self.current.as_ref().map(|model| model.id.clone())
    }

    pub(super) fn set(&mut self, model: &ChosenModel) {
        self.current = Some(model.clone());
    }

    /// Another model may be called in its place as long as nothing was heard of it.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    pub(super) fn begin_call(&mut self) {
        self.is_silent = true;
        self.call_began = Some(Instant::now());
    }

    /// For how long the call has been under way.
    pub(super) fn call_age(&self) -> Duration {
        self.call_began.map(|began| began.elapsed()).unwrap_or_default()
    }

    /// The call has brought something. Whether that was the first of it.
    pub(super) fn end_silence(&mut self) -> bool {
        std::mem::replace(&mut self.is_silent, false)
    }
}
