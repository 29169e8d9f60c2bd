//! Digests by which arguments and definitions are recognised.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::json;

/// The digest of a value, however it is written: hexadecimal SHA-256.
pub fn value_digest(value: &Value) -> String {
    let digest = digest(&SHA256, json::canonical(value).as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
