//! The messages that an answer is generated from.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::part::Part;
use crate::providers::Content;

/// A message of the history.
#[derive(Clone, Debug, Deserialize)]
pub struct HistoryMessage {
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// Its parts; without those that cannot be read, such as one that is nested too deeply.
    #[serde(deserialize_with = "readable")]
    pub parts: Vec<Part>,
    /// The content of its files as the model reads it; of other files it reads only the name.
    #[serde(skip)]
    pub files: HashMap<Uuid, Content>,
}

fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Part>, D::Error> {
    let parts = Vec::<Box<RawValue>>::deserialize(deserializer)?;
    let mut parts: Vec<_> =
        parts.iter().filter_map(|part| serde_json::from_str(part.get()).ok()).collect();
    parts.shrink_to_fit();
    Ok(parts)
}
