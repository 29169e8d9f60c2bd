//! Which rows of the result: `limit` and `offset`, the `Range` header, and `Content-Range`.

use axum::http::{HeaderMap, StatusCode};

use super::values::values;
use crate::rest::error::RestError;

/// A range of rows in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    pub limit: Option<u64>,
}

impl Range {
    /// Narrows it to what the `Range` header asks for.
    pub fn within_header(self, headers: &HeaderMap) -> Result<Self, RestError> {
        let Some((lower, upper)) = values(headers, "range").next().and_then(parse) else {
            return Ok(self);
        };
        let offset = self.offset.max(lower);
        let end = match (self.limit, upper) {
            (Some(limit), Some(upper)) => Some((self.offset + limit).min(upper.saturating_add(1))),
            (Some(limit), None) => Some(self.offset + limit),
            (None, upper) => upper.map(|upper| upper.saturating_add(1)),
        };
        if end.is_some_and(|end| end <= offset) && self.limit != Some(0) {
            return Err(RestError::invalid_range(
                "The lower boundary must be lower than or equal to the upper boundary in the Range \
                 header.",
            ));
        }
        Ok(Self { offset, limit: end.map(|end| end.saturating_sub(offset)) })
    }

    /// The status of a page of `rows` rows out of `total`, if that was counted.
    pub fn status(self, rows: usize, total: Option<u64>) -> StatusCode {
        match total {
            Some(total) if self.offset > total => StatusCode::RANGE_NOT_SATISFIABLE,
            Some(total) if (rows as u64) < total => StatusCode::PARTIAL_CONTENT,
            _ => StatusCode::OK,
        }
    }

    /// `Content-Range` of that page.
    pub fn content_range(self, rows: usize, total: Option<u64>) -> String {
        let last = self.offset + (rows as u64).saturating_sub(1);
        let range = match (rows, total) {
            (0, _) | (_, Some(0)) => "*".to_owned(),
            _ => format!("{}-{last}", self.offset),
        };
        format!("{range}/{}", or_star(total))
    }

    /// `Content-Range` of rows that are not a range of a result.
    pub fn unranged(total: Option<u64>) -> String {
        format!("*/{}", or_star(total))
    }
}

fn or_star(total: Option<u64>) -> String {
    total.map_or_else(|| "*".to_owned(), |total| total.to_string())
}

/// `3-7` or `3-`; anything else is ignored.
fn parse(header: &str) -> Option<(u64, Option<u64>)> {
    let (lower, upper) = header.split_once('-')?;
    let lower = digits(lower)?;
    if upper.is_empty() { Some((lower, None)) } else { Some((lower, Some(digits(upper)?))) }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
