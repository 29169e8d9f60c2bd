//! Responses of Supabase, read whole or up to the end of a page.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, HeaderMap};
use reqwest::{Response, StatusCode};

use super::caller::Caller;
use super::error::SupabaseError;
use super::page::RowsAt;
use super::{body, retry};
use crate::memory::Charge;

/// A whole answer, good or bad.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
    /// There are more rows, which were not read.
    pub(super) is_cut: bool,
    /// How many rows it has, where it says so.
    pub(super) rows: Option<usize>,
}

/// How an answer is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Who is charged with it.
    pub(super) caller: Caller<'a>,
    /// The most that is read of a good one.
    pub(super) max_bytes: usize,
    /// Where its rows are, if only a page of them is wanted.
    pub(super) page: Option<RowsAt>,
}

impl<'a> Reading<'a> {
    /// All of the answer.
    pub(super) fn whole(caller: Caller<'a>, max_bytes: usize) -> Self {
        Self { caller, max_bytes, page: None }
    }
}

impl Answer {
    pub(super) async fn read(
        response: Response,
        reading: Reading<'_>,
        charge: Charge,
    ) -> Result<Self, SupabaseError> {
        let status = response.status();
        let retry_after = retry::retry_after(response.headers());
        let rows = row_count(response.headers());
        let (body, is_cut) = match (status.is_success(), reading.page) {
            (false, _) => (body::read_error(response).await?, false),
            (true, None) => (body::read(response, reading.max_bytes, charge).await?, false),
            (true, Some(rows)) => {
                body::read_page(response, rows, reading.max_bytes, charge).await?
            }
        };
        Ok(Self { status, retry_after, body, is_cut, rows })
    }
}

/// How many rows an answer of PostgREST has: `Content-Range: 0-49/*`.
fn row_count(headers: &HeaderMap) -> Option<usize> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (first, last) = range.split_once('/')?.0.split_once('-')?;
    let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_number_of_rows() {
        for (range, expected) in [
            ("0-49/*", Some(50)),
            ("10-10/3000", Some(1)),
            ("*/*", None),
            ("*/0", None),
            ("bytes 0-4/11", None),
            ("5-4/*", None),
            ("0-18446744073709551615/*", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(range))]);
            assert_eq!(row_count(&headers), expected, "{range}");
        }
    }
}
