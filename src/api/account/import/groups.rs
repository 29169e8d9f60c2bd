//! Rows in groups that fit a request.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// How many rows are stored at once, and how many bytes of them.
const ROWS: usize = 200;
const BYTES: usize = 1 << 20;

/// Rows as JSON, in groups that are stored at once.
pub(super) fn groups<T: Serialize>(rows: Vec<T>) -> serde_json::Result<Vec<Vec<Box<RawValue>>>> {
    let (mut groups, mut bytes) = (Vec::<Vec<_>>::new(), 0);
    for row in rows {
        let row = to_raw_value(&row)?;
        match groups.last_mut() {
            Some(last) if last.len() < ROWS && bytes + row.get().len() <= BYTES => {
                bytes += row.get().len();
                last.push(row);
            }
            _ => {
                bytes = row.get().len();
                groups.push(vec![row]);
            }
        }
    }
    Ok(groups)
}
