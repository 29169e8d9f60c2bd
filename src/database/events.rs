//! Functions about events.

use serde::{Deserialize, Serialize};

use super::Function;

/// Stores events, each by itself.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RecordEvents<'a, E> {
    pub p_events: &'a [E],
}

/// How many events were stored, and which were not.
#[derive(Debug, Deserialize)]
pub struct RecordEventsReply {
    /// How many were stored.
    pub accepted: u64,
    /// How many had been stored before.
    pub duplicates: u64,
    /// The others.
    pub errors: Vec<RefusedEvent>,
}

/// An event that the database refused.
#[derive(Debug, Deserialize)]
pub struct RefusedEvent {
    /// Its place among those of the call.
    pub index: usize,
    /// Why, as the API names it.
    pub code: String,
}

impl<E: Serialize> Function for RecordEvents<'_, E> {
    const NAME: &'static str = "record_events";
    const IS_REPEATABLE: bool = false;
    type Reply = RecordEventsReply;
}
