//! Responses of Supabase, read whole or up to the end of a page.

use std::time::Duration;

use bytes::Bytes;
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
        let (body, is_cut) = match (status.is_success(), reading.page) {
            (false, _) => (body::read_error(response).await?, false),
            (true, None) => (body::read(response, reading.max_bytes, charge).await?, false),
            (true, Some(rows)) => {
                body::read_page(response, rows, reading.max_bytes, charge).await?
            }
        };
        Ok(Self { status, retry_after, body, is_cut })
    }
}
