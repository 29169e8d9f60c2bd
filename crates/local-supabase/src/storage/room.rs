//! How much a user may store. Objects can be uploaded past the API, which counts only its own files.

use rusqlite::Connection;

use super::access::reachable;
use super::error::StorageError;
use crate::role::Role;

/// What an object takes besides its bytes.
const OBJECT_BYTES: u64 = 4 << 10;

/// How many bytes the owner may still store in a bucket; an object of this name is replaced.
pub(super) fn room(
    connection: &Connection,
    max_bytes: u64,
    owner: Role,
    bucket: &str,
    name: &str,
) -> Result<u64, StorageError> {
    let Some(prefix) = reachable(owner) else { return Ok(u64::MAX) };
    // The character after the slash at the end of the prefix.
    let end = format!("{}0", prefix.trim_end_matches('/'));
    let taken: u64 = connection
        .prepare_cached(
            "select coalesce(sum(size + octet_length(user_metadata) + ?5), 0) from storage_objects \
             where bucket_id = ?1 and name > ?2 and name < ?3 and name <> ?4",
        )?
        .query_row((bucket, prefix, end, name, OBJECT_BYTES), |row| row.get(0))?;
    match max_bytes.saturating_sub(taken) {
        0 => Err(StorageError::no_room()),
        room => Ok(room),
    }
}
