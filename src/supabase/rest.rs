//! PostgREST requests: a query is built word by word, rows come back as they were sent.

use std::fmt::{Display, Write};
use std::ops::Range;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::Reading;
use super::array;
use super::page::RowsAt;
use super::service::Service;
use super::{Caller, MAX_ANSWER_BYTES, Supabase, SupabaseError};

/// PostgreSQL's words for an answer that would be too long, and for one that takes too long.
const TOO_COSTLY: [&str; 2] = ["54000", "57014"];
/// What is asked for then: the eighth part.
const SHRINK_FACTOR: usize = 8;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ONE_ROW: &str = "application/vnd.pgrst.object+json";

/// What need not be escaped in a query string, so that logs of PostgREST stay readable.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b'!');

/// PostgREST in one caller's name.
pub struct Rest<'a> {
    supabase: &'a Supabase,
    caller: Caller<'a>,
}

impl Supabase {
    /// PostgREST, in `caller`'s name.
    pub fn rest<'a>(&'a self, caller: Caller<'a>) -> Rest<'a> {
        Rest::new(self, caller)
    }
}

impl<'a> Rest<'a> {
    fn new(supabase: &'a Supabase, caller: Caller<'a>) -> Self {
        Self { supabase, caller }
    }

    /// A request about a table.
    pub fn from(self, table: &str) -> Query<'a> {
        Query::new(self, format!("/rest/v1/{table}"))
    }

    /// A call of a function that only reads, with arguments as a query string would have them.
    pub fn read(self, function: &str) -> Query<'a> {
        Query::new(self, format!("/rest/v1/rpc/{function}"))
    }

    /// A call of a function. See [`Query::repeatable`].
    pub fn call(self, function: &str, arguments: &impl Serialize) -> Query<'a> {
        Query::new(self, format!("/rest/v1/rpc/{function}")).with_body(Method::POST, arguments)
    }
}

/// One request in the making.
pub struct Query<'a> {
    rest: Rest<'a>,
    method: Method,
    path: String,
    parameters: String,
    prefer: &'static str,
    profile: Option<&'static str>,
    body: Option<Bytes>,
    is_idempotent: bool,
    max_bytes: usize,
    page: Option<RowsAt>,
}

impl<'a> Query<'a> {
    fn new(rest: Rest<'a>, path: String) -> Self {
        Self {
            rest,
            method: Method::GET,
            path,
            parameters: String::new(),
            prefer: "",
            profile: None,
            body: None,
            is_idempotent: true,
            max_bytes: MAX_ANSWER_BYTES,
            page: None,
        }
    }

    fn with_body(mut self, method: Method, body: &impl Serialize) -> Self {
        // Our own types: maps have text keys, so writing them cannot fail.
        self.body = serde_json::to_vec(body).ok().map(Bytes::from);
        self.is_idempotent = method != Method::POST;
        self.method = method;
        self
    }

    /// Marks the call as idempotent, so that it may be sent again when its response is lost. Reads,
    /// updates, deletions and `insert_new` always are.
    pub fn repeatable(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// Reads no answer that is longer: `AnswerTooLarge`.
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Inserts a row, or several.
    pub fn insert(self, rows: &impl Serialize) -> Self {
        self.with_body(Method::POST, rows).prefer("return=representation")
    }

    /// Inserts a row unless its key exists; then nothing comes back.
    pub fn insert_new(self, row: &impl Serialize) -> Self {
        self.with_body(Method::POST, row)
            .prefer("resolution=ignore-duplicates,return=representation")
            .repeatable()
    }

    /// Changes the rows that the filters name.
    pub fn update(self, changes: &impl Serialize) -> Self {
        self.with_body(Method::PATCH, changes).prefer("return=representation")
    }

    /// Deletes the rows that the filters name.
    pub fn delete(mut self) -> Self {
        self.method = Method::DELETE;
        self.prefer("return=representation")
    }

    fn prefer(mut self, prefer: &'static str) -> Self {
        self.prefer = prefer;
        self
    }

    /// Reads from another schema than `public`.
    pub fn profile(mut self, schema: &'static str) -> Self {
        self.profile = Some(schema);
        self
    }

    /// Any parameter, its value escaped.
    pub fn parameter(self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        self.unescaped(name, utf8_percent_encode(&value, VALUE))
    }

    /// A parameter of which is known that nothing in it needs to be escaped.
    pub fn unescaped(mut self, name: impl Display, value: impl Display) -> Self {
        let separator = if self.parameters.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(self.parameters, "{separator}{name}={value}");
        self
    }

    /// The columns wanted: names, and what PostgREST puts between them.
    pub fn select(self, columns: &str) -> Self {
        debug_assert!(utf8_percent_encode(columns, VALUE).eq([columns]), "{columns}");
        self.unescaped("select", columns)
    }

    /// `column = value`.
    pub fn eq(self, column: &str, value: impl Display) -> Self {
        self.parameter(column, format_args!("eq.{value}"))
    }

    /// `column is value`, for `true`, `false` and `null`.
    pub fn is(self, column: &str, value: impl Display) -> Self {
        self.parameter(column, format_args!("is.{value}"))
    }

    /// The order, as `column.desc,other.asc`.
    pub fn order(self, order: &str) -> Self {
        self.parameter("order", order)
    }

    /// At most this many rows.
    pub fn limit(self, limit: usize) -> Self {
        self.unescaped("limit", limit)
    }

    /// Sends the request; the answer is an array of rows, or a function's value.
    pub async fn rows(self) -> Result<Rows, SupabaseError> {
        self.send("application/json").await?.checked()
    }

    /// Sends the request; the answer is at most so many rows, and no more than make a page of some
    /// MiB, but at least one. Its reader checks or parses it.
    pub async fn page(self, rows: usize) -> Result<Rows, SupabaseError> {
        self.send_page("application/json", RowsAt::Top, "limit", rows).await
    }

    /// Sends the request; the answer is exactly one row, whose last column, `name`, has such a page.
    pub async fn one_with_page(self, name: &str, rows: usize) -> Result<Rows, SupabaseError> {
        self.send_page(ONE_ROW, RowsAt::LastColumn, &format!("{name}.limit"), rows).await
    }

    /// Asks for fewer rows when Supabase does not want to put so many into one answer.
    async fn send_page(
        mut self,
        accept: &'static str,
        at: RowsAt,
        limit: &str,
        rows: usize,
    ) -> Result<Rows, SupabaseError> {
        self.page = Some(at);
        let parameters = self.parameters.clone();
        let mut limit_now = rows;
        loop {
            self.parameters.clone_from(&parameters);
            self = self.unescaped(limit, limit_now);
            match self.send(accept).await {
                Err(error) if limit_now > 1 && is_too_costly(&error) => {
                    limit_now = (limit_now / SHRINK_FACTOR).max(1);
                }
                Ok(page) => return Ok(Rows { is_cut: page.is_cut || limit_now < rows, ..page }),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the request; the answer is exactly one row, else `NotOneRow`.
    pub async fn one(self) -> Result<Bytes, SupabaseError> {
        let body = self.send(ONE_ROW).await?.checked()?.body;
        object(body, "one row was asked for, and this is none")
    }

    /// Sends the request; the answer is the object that a function returns.
    pub async fn object(self) -> Result<Bytes, SupabaseError> {
        object(self.rows().await?.body, "an object was asked for, and this is none")
    }

    /// Sends the request and reads its answer.
    pub async fn value<T: serde::de::DeserializeOwned>(self) -> Result<T, SupabaseError> {
        let rows = self.send("application/json").await?;
        Ok(serde_json::from_slice(&rows.body)?)
    }

    async fn send(&self, accept: &'static str) -> Result<Rows, SupabaseError> {
        let supabase = self.rest.supabase;
        let request = || self.request(accept);
        let reading =
            Reading { caller: self.rest.caller, max_bytes: self.max_bytes, page: self.page };
        let answer = supabase.ask(Service::PostgRest, self.is_idempotent, reading, request).await?;
        Ok(Rows { body: answer.body, is_cut: answer.is_cut, count: answer.rows })
    }

    fn request(&self, accept: &'static str) -> Result<RequestBuilder, SupabaseError> {
        let supabase = self.rest.supabase;
        let mut address = supabase.address(&self.path);
        if !self.parameters.is_empty() {
            address.set_query(Some(&self.parameters));
        }
        let http = &supabase.inner.http;
        let mut request = http
            .request(self.method.clone(), address)
            .header(ACCEPT, HeaderValue::from_static(accept));
        if !self.prefer.is_empty() {
            request = request.header("prefer", HeaderValue::from_static(self.prefer));
        }
        if let Some(schema) = self.profile {
            request = request.header("accept-profile", schema);
        }
        if let Some(body) = self.body.clone() {
            request = request.header(CONTENT_TYPE, JSON).body(body);
        }
        supabase.authorized(request, self.rest.caller)
    }
}

/// The same, if it begins as an object does.
fn object(json: Bytes, otherwise: &'static str) -> Result<Bytes, SupabaseError> {
    let is_object = json.trim_ascii_start().starts_with(b"{");
    if is_object { Ok(json) } else { Err(SupabaseError::unreadable(otherwise)) }
}

fn is_too_costly(error: &SupabaseError) -> bool {
    error.code.as_deref().is_some_and(|code| TOO_COSTLY.contains(&code))
}

/// Rows as PostgREST sent them: a JSON array.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The bytes.
    pub body: Bytes,
    /// There are more, which were not read because of their length.
    pub is_cut: bool,
    /// How many there are, those included that were not read; none if that is not known.
    count: Option<usize>,
}

/// Where a page ends within rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// How many rows the page has.
    pub rows: usize,
    /// Where its last row is.
    pub last: Range<usize>,
}

impl Rows {
    /// The same, if it is JSON at least: then it may go to a client as it is.
    pub fn checked(self) -> Result<Self, SupabaseError> {
        if !self.body.is_empty() {
            serde_json::from_slice::<&RawValue>(&self.body)?;
        }
        Ok(self)
    }

    /// Where a page of at most so many rows ends; none if there are no more rows than these. They are found and
    /// not parsed, which is enough to pass them on: what is no array of rows is an error.
    pub fn page_end(&self, limit: usize) -> Result<Option<PageEnd>, SupabaseError> {
        let known = self.count.filter(|_| !self.is_cut && array::is_array(&self.body));
        if known.is_some_and(|count| count <= limit) {
            return Ok(None);
        }
        // One row more than the page shows that there are more: the last but one is near the end.
        let before_last = known.filter(|count| *count == limit + 1 && limit > 0);
        if let Some(last) = before_last.and_then(|_| array::last_but_one(&self.body)) {
            return Ok(Some(PageEnd { rows: limit, last }));
        }
        let rows = array::rows(&self.body)
            .ok_or_else(|| SupabaseError::unreadable("rows were asked for, and these are none"))?;
        let has_more = self.is_cut || rows.len() > limit;
        let last = rows[..rows.len().min(limit)].last().filter(|_| has_more);
        Ok(last.map(|last| PageEnd { rows: rows.len().min(limit), last: last.clone() }))
    }

    /// The rows one by one, each still text.
    pub fn split(&self) -> Result<Vec<&RawValue>, SupabaseError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The first row, where there is one.
    pub fn first(&self) -> Result<Option<Bytes>, SupabaseError> {
        let first = self.split()?.first().map(|row| self.body.slice_ref(row.get().as_bytes()));
        first.map(|row| object(row, "rows were asked for, and these are none")).transpose()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.body.trim_ascii() == b"[]"
    }
}
