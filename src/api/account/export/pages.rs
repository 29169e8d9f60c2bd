//! The rows of a table that are the caller's, page by page.

use crate::agent::Credentials;
use crate::http::error::ApiError;
use crate::http::extract::{Cursor, Keyed, SortOrder};
use crate::supabase::{Caller, Rows, Supabase};

/// Hosted projects give out this many rows at once, whatever is asked for.
const PAGE: usize = 1_000;

/// The rows of a table, oldest first.
pub(super) struct Pages<'a> {
    pub(super) supabase: &'a Supabase,
    pub(super) credentials: &'a Credentials,
    pub(super) table: &'static str,
    pub(super) columns: &'a str,
    pub(super) list: Keyed,
    /// A further condition, in PostgREST's words.
    pub(super) filter: Option<(&'static str, String)>,
    after: Option<Cursor>,
    is_at_end: bool,
}

impl<'a> Pages<'a> {
    /// All rows of a table.
    pub(super) fn new(
        supabase: &'a Supabase,
        credentials: &'a Credentials,
        (table, columns): (&'static str, &'a str),
        list: Keyed,
    ) -> Self {
        let (filter, after) = (None, None);
        Self { supabase, credentials, table, columns, list, filter, after, is_at_end: false }
    }

    /// Those of them that meet a condition.
    pub(super) fn with(self, column: &'static str, condition: String) -> Self {
        Self { filter: Some((column, condition)), ..self }
    }

    /// The next page; none after one that was empty, because a project may give out less than was asked for.
    pub(super) async fn next(&mut self) -> Result<Option<Rows>, ApiError> {
        if self.is_at_end {
            return Ok(None);
        }
        let token = self.credentials.token();
        let mut query =
            self.supabase.rest(Caller::User(&token)).from(self.table).select(self.columns);
        if let Some((column, condition)) = &self.filter {
            query = query.parameter(column, condition);
        }
        let rows = self.list.page(query, SortOrder::Ascending, self.after).page(PAGE).await?;
        let last =
            rows.split()?.last().map(|row| self.list.cursor(row.get().as_bytes())).transpose()?;
        self.is_at_end = last.is_none();
        self.after = last;
        Ok(last.map(|_| rows))
    }
}
