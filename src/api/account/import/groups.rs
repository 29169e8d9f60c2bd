//! Rows in groups that fit a request.

use serde::Serialize;

/// Rows in groups of at most so many, and so many bytes.
pub(super) fn groups<T: Serialize>(rows: &[T], most: usize, max_bytes: usize) -> Vec<&[T]> {
    let size = |row: &T| serde_json::to_string(row).map_or(0, |text| text.len());
    let (mut groups, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, row) in rows.iter().enumerate() {
        let size = size(row);
        if index > start && (index - start >= most || bytes + size > max_bytes) {
            groups.push(&rows[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < rows.len() {
        groups.push(&rows[start..]);
    }
    groups
}
