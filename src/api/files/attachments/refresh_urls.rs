//! Signed URLs for the `file` parts of messages, so that an `<img>` can load them.
//!
//! Stored parts have a URL that does not expire but needs a token. Signed URLs expire, so they are put
//! in whenever a message is read; rows without files pass through unread.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::api::files::service::{Files, Owner};
use crate::api::files::signed_urls::{LIFETIME, Signable};
use crate::json::may_contain;

impl Files {
    /// JSON with messages anywhere in it, with fresh signed URLs in their `file` parts.
    pub async fn with_signed_urls(&self, owner: &Owner, json: Bytes) -> Bytes {
        if !names_files(&json) {
            return json;
        }
        let Ok(mut value) = serde_json::from_slice(&json) else { return json };
        self.refresh(owner, &mut value).await;
        serde_json::to_vec(&value).map_or(json, Bytes::from)
    }

    /// The same for rows; `None` if no row has a file.
    pub async fn rows_with_signed_urls(
        &self,
        owner: &Owner,
        rows: &[&RawValue],
    ) -> Option<Vec<Box<RawValue>>> {
        if !rows.iter().any(|row| names_files(row.get().as_bytes())) {
            return None;
        }
        let values = rows.iter().map(|row| serde_json::from_str(row.get()));
        let mut value = Value::Array(values.collect::<Result<_, _>>().ok()?);
        self.refresh(owner, &mut value).await;
        value.as_array()?.iter().map(|row| to_raw_value(row).ok()).collect()
    }

    async fn refresh(&self, owner: &Owner, value: &mut Value) {
        let mut files = Vec::new();
        each_file(value, &mut |id, part| {
            let text = |name: &str| part[name].as_str().unwrap_or_default().to_owned();
            files.push(Signable { id, name: text("filename"), media_type: text("mediaType") });
        });
        files.sort_by_key(|file| file.id);
        files.dedup_by_key(|file| file.id);
        let urls = match self.sign(owner, &files, LIFETIME).await {
            Ok(urls) => urls,
            Err(error) => {
                tracing::warn!("files of messages are shown without an address: {error:?}");
                return;
            }
        };
        let urls: HashMap<Uuid, String> =
            files.iter().zip(urls).filter_map(|(file, url)| Some((file.id, url?))).collect();
        each_file(value, &mut |id, part| {
            if let Some(url) = urls.get(&id) {
                part["url"] = Value::String(url.clone());
            }
        });
    }
}

fn names_files(json: &[u8]) -> bool {
    may_contain(json, "\"file_id\"")
}

/// Visits the `file` parts of all messages in a value.
fn each_file(value: &mut Value, visit: &mut impl FnMut(Uuid, &mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_file(item, visit)),
        Value::Object(members) => {
            if let Some(Value::Array(parts)) = members.get_mut("parts") {
                for part in parts.iter_mut().filter(|part| part["type"] == "file") {
                    let id = part["file_id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
                    if let Some(id) = id {
                        visit(id, part);
                    }
                }
            }
            for name in ["messages", "message", "user_message"] {
                if let Some(inner) = members.get_mut(name) {
                    each_file(inner, visit);
                }
            }
        }
        _ => {}
    }
}
