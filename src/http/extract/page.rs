//! Keyset pagination: `limit`, `cursor` and the `Link` to the next page.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::header::LINK;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use super::keyed::{Cursor, Keyed, unknown_cursor};
use super::{Query, form};
use crate::http::error::ApiError;
use crate::http::response;
use crate::supabase::{PageEnd, Rows};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// Pagination of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Maximum number of items. A page also ends at about 8 MiB.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Cursor of the page, as returned in the `Link` header of the previous page.
    cursor: Option<String>,
}

/// A validated [`PageQuery`], with what is needed to write the link to the next page.
#[derive(Debug)]
pub struct Page {
    /// Maximum number of rows.
    pub limit: usize,
    /// The last row of the previous page.
    pub after: Option<Cursor>,
    /// The limit that the client requested; after a page of long rows the actual limit is lower.
    asked: usize,
    uri: Uri,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<PageQuery>::from_request_parts(parts, state).await?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::invalid("/limit", format!("must be 1 to {MAX_LIMIT}")));
        }
        let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let next = cursor.map(Next::read).transpose()?;
        let rows = next.as_ref().and_then(|next| next.rows).unwrap_or(limit);
        Ok(Self {
            limit: rows.clamp(1, limit),
            after: next.map(|next| next.after),
            asked: limit,
            uri: parts.uri.clone(),
        })
    }
}

impl Page {
    /// The limit for the database: one more row shows whether there is a next page.
    pub fn limit_with_next(&self) -> usize {
        self.limit + 1
    }

    /// The page as a response. There may be one more row than the page holds, or rows that were not
    /// read. Rows are passed on without parsing them.
    pub fn respond(&self, rows: Rows, list: &Keyed) -> Result<Response, ApiError> {
        let Some(PageEnd { rows: count, last }) = rows.page_end(self.limit)? else {
            return Ok(response::json(rows.body));
        };
        let link = self.next(&rows.body[last.clone()], count, rows.is_cut, list)?;
        let page = [rows.body.slice(..last.end), Bytes::from_static(b"]")];
        let mut response = response::json_pieces(page);
        response.headers_mut().insert(LINK, link);
        Ok(response)
    }

    /// The same for rows one by one.
    pub fn respond_with(
        &self,
        rows: &[&RawValue],
        is_cut: bool,
        list: &Keyed,
    ) -> Result<Response, ApiError> {
        let page = &rows[..rows.len().min(self.limit)];
        let mut response = response::json(json_array(page));
        if let Some(last) = page.last().filter(|_| is_cut || rows.len() > page.len()) {
            let link = self.next(last.get().as_bytes(), page.len(), is_cut, list)?;
            response.headers_mut().insert(LINK, link);
        }
        Ok(response)
    }

    /// The link to the page after one of so many rows, of which this is the last.
    fn next(
        &self,
        last: &[u8],
        rows: usize,
        is_cut: bool,
        list: &Keyed,
    ) -> Result<HeaderValue, ApiError> {
        self.link(&Next { after: list.cursor(last)?, rows: self.next_rows(rows, is_cut) })
    }

    /// How many rows to request next, if fewer than the client requested: after long rows, the next
    /// ones are likely to be long.
    fn next_rows(&self, rows: usize, is_cut: bool) -> Option<usize> {
        match is_cut {
            true => Some(rows),
            false => Some(2 * self.limit).filter(|_| self.limit < self.asked),
        }
    }

    /// The request's URL with this cursor, as a relative reference.
    fn link(&self, next: &Next) -> Result<HeaderValue, ApiError> {
        let kept = form(self.uri.query().unwrap_or_default()).filter(|(name, _)| name != "cursor");
        let kept = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let separator = if kept.is_empty() { "" } else { "&" };
        // Nothing in a cursor needs to be escaped.
        next_link(format_args!("{}?{kept}{separator}cursor={next}", self.uri.path()))
    }
}

/// A `Link` header that names the next page.
pub fn next_link(address: impl Display) -> Result<HeaderValue, ApiError> {
    let link = format!("<{address}>; rel=\"next\"");
    HeaderValue::try_from(link).map_err(|error| ApiError::internal(error.to_string()))
}

/// Rows as one JSON array, each unchanged.
fn json_array(rows: &[&RawValue]) -> Bytes {
    let length: usize = rows.iter().map(|row| row.get().len() + 1).sum();
    let mut array = BytesMut::with_capacity(length + 2);
    array.put_u8(b'[');
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            array.put_u8(b',');
        }
        array.put_slice(row.get().as_bytes());
    }
    array.put_u8(b']');
    array.freeze()
}

/// The content of a cursor: where the next page begins, and how many rows to request.
struct Next {
    after: Cursor,
    rows: Option<usize>,
}

impl Next {
    fn read(text: &str) -> Result<Self, ApiError> {
        let rows = text.rsplit_once('.').filter(|(key, _)| key.contains('.'));
        let (key, rows) = rows.map_or((text, None), |(key, rows)| (key, Some(rows)));
        let rows = rows.map(|rows| rows.parse().map_err(|_| unknown_cursor())).transpose()?;
        Ok(Self { after: key.parse()?, rows })
    }
}

impl std::fmt::Display for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rows {
            Some(rows) => write!(f, "{}.{rows}", self.after),
            None => self.after.fmt(f),
        }
    }
}
