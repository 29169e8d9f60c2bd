//! Exports: all matching rows, streamed page by page, so that memory holds one page at a time.

use std::io;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::csv;
use crate::compute::compute;
use crate::http::error::ApiError;
use crate::http::extract::{Cursor, Keyed, SortOrder};
use crate::supabase::{AccessToken, Caller, Query, Rows, Supabase};

/// Hosted projects give out this many rows at once, whatever is asked for.
const PAGE: usize = 1_000;

/// Format of a response: a JSON report or page, or an export as CSV or NDJSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ExportFormat {
    Json,
    Csv,
    Ndjson,
}

impl ExportFormat {
    /// The `format` parameter takes precedence over the `Accept` header.
    pub(super) fn negotiate(asked: Option<Self>, accept: Option<&HeaderValue>) -> Self {
        let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let accepted = accept.split(',').find_map(|range| {
            match range.split(';').next().unwrap_or_default().trim() {
                "application/json" | "*/*" => Some(Self::Json),
                "text/csv" => Some(Self::Csv),
                "application/x-ndjson" | "application/ndjson" => Some(Self::Ndjson),
                _ => None,
            }
        });
        asked.or(accepted).unwrap_or(Self::Json)
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// The rows to export, and their columns.
pub(super) struct Export {
    pub(super) supabase: Supabase,
    pub(super) token: AccessToken,
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) list: Keyed,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    /// Further filters, in PostgREST syntax.
    pub(super) filters: Vec<(&'static str, String)>,
    pub(super) format: ExportFormat,
}

/// A serialized page of rows, and the cursor of the next one.
struct ExportPage {
    bytes: Bytes,
    last: Option<Cursor>,
}

impl Export {
    /// The response. An error on the first page is answered with a problem; a later one resets the
    /// connection, because a clean end would make the export look complete.
    pub(super) async fn respond(self, name: &str) -> Result<Response, ApiError> {
        let first = self.page(None).await?;
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let to = self.to.map(|to| format!("_{}", day(to))).unwrap_or_default();
        let file = format!("{name}_{}{to}.{}", day(self.from), self.format.extension());
        let content_type = HeaderValue::from_static(self.format.content_type());
        let head = stream::iter([Ok(first.bytes)]);
        let body = head.chain(stream::try_unfold((self, first.last), next));
        let mut response = Response::new(Body::from_stream(body));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")) {
            response.headers_mut().insert(CONTENT_DISPOSITION, value);
        }
        Ok(response)
    }

    async fn page(&self, after: Option<Cursor>) -> Result<ExportPage, ApiError> {
        let rows = self.query(after).page(PAGE).await?;
        // A client that reads slowly holds a page.
        let mut charge = self.supabase.charge(Caller::User(&self.token));
        charge.grow(rows.body.len())?;
        let (format, columns, list) = (self.format, self.columns, self.list);
        let write = move || write(&rows, format, columns, list, after.is_none());
        let (bytes, last) = compute(write).await?;
        Ok(ExportPage { bytes: charge.keep(bytes), last })
    }

    fn query(&self, after: Option<Cursor>) -> Query<'_> {
        let time = self.list.column;
        let mut query = self
            .supabase
            .rest(Caller::User(&self.token))
            .from(self.table)
            .select(&self.columns.join(","))
            .parameter(time, format_args!("gte.{}", self.from));
        if let Some(to) = self.to {
            query = query.parameter(time, format_args!("lt.{to}"));
        }
        for (column, filter) in &self.filters {
            query = query.parameter(column, filter);
        }
        self.list.page(query, SortOrder::Ascending, after)
    }
}

/// A page's text, and the cursor of the next one.
fn write(
    rows: &Rows,
    format: ExportFormat,
    columns: &[&str],
    list: Keyed,
    is_first: bool,
) -> Result<(Vec<u8>, Option<Cursor>), ApiError> {
    let rows = rows.split()?;
    let bytes = match format {
        ExportFormat::Csv => {
            let rows: Result<Vec<csv::Row<'_>>, _> =
                rows.iter().map(|row| serde_json::from_str(row.get())).collect();
            let rows = rows.map_err(|error| ApiError::unreadable(list.row, error))?;
            csv::lines(columns, &rows, is_first)
                .map_err(|error| ApiError::internal(error.to_string()))?
        }
        _ => rows.iter().flat_map(|row| [row.get(), "\n"]).collect::<String>().into_bytes(),
    };
    let last = rows.last().map(|row| list.cursor(row.get().as_bytes())).transpose()?;
    Ok((bytes, last))
}

type State = (Export, Option<Cursor>);

/// The next page; none after one that was empty. A project may give out less than was asked for, so
/// a short page is not the last.
async fn next((export, after): State) -> io::Result<Option<(Bytes, State)>> {
    if after.is_none() {
        return Ok(None);
    }
    match export.page(after).await {
        Ok(page) if page.last.is_none() => Ok(None),
        Ok(page) => Ok(Some((page.bytes, (export, page.last)))),
        Err(error) => {
            error.log("export");
            Err(io::Error::other("the export broke off"))
        }
    }
}
