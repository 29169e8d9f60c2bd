//! PostgREST requests: a query is built word by word, rows come back as they were sent.

use std::fmt::{Display, Write};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Caller, Service, Supabase, SupabaseError};

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

impl<'a> Rest<'a> {
    pub(super) fn new(supabase: &'a Supabase, caller: Caller<'a>) -> Self {
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
        }
    }

    fn with_body(mut self, method: Method, body: &impl Serialize) -> Self {
        // Our own types: maps have text keys, so writing them cannot fail.
        self.body = serde_json::to_vec(body).ok().map(Bytes::from);
        self.is_idempotent = method != Method::POST;
        self.method = method;
        self
    }

    /// Says that a call which is carried out twice does what one does, so that it may be sent again
    /// when its answer is lost. Reading, changing, deleting and `insert_new` are so by themselves.
    pub fn repeatable(mut self) -> Self {
        self.is_idempotent = true;
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
    pub fn parameter(mut self, name: &str, value: impl Display) -> Self {
        let separator = if self.parameters.is_empty() { "" } else { "&" };
        let value = value.to_string();
        let value = utf8_percent_encode(&value, VALUE);
        // Writing to a String cannot fail.
        let _ = write!(self.parameters, "{separator}{name}={value}");
        self
    }

    /// The columns wanted.
    pub fn select(self, columns: &str) -> Self {
        self.parameter("select", columns)
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
        self.parameter("limit", limit)
    }

    /// Sends the request; the answer is an array of rows, or a function's value.
    pub async fn rows(self) -> Result<Rows, SupabaseError> {
        self.send("application/json").await
    }

    /// Sends the request; the answer is exactly one row, else `NotOneRow`.
    pub async fn one(self) -> Result<Bytes, SupabaseError> {
        Ok(self.send(ONE_ROW).await?.body)
    }

    /// Sends the request and reads its answer.
    pub async fn value<T: serde::de::DeserializeOwned>(self) -> Result<T, SupabaseError> {
        let rows = self.rows().await?;
        Ok(serde_json::from_slice(&rows.body)?)
    }

    async fn send(self, accept: &'static str) -> Result<Rows, SupabaseError> {
        let supabase = self.rest.supabase;
        let request = || self.request(accept);
        let answer = supabase.ask(Service::PostgRest, self.is_idempotent, request).await?;
        Ok(Rows { body: answer.body, count: answer.rows })
    }

    fn request(&self, accept: &'static str) -> Result<RequestBuilder, SupabaseError> {
        let supabase = self.rest.supabase;
        let mut address = supabase.address(&self.path);
        if !self.parameters.is_empty() {
            address.set_query(Some(&self.parameters));
        }
        let http = &supabase.inner.http;
        let mut request = http.request(self.method.clone(), address).header(ACCEPT, accept);
        if !self.prefer.is_empty() {
            request = request.header("prefer", self.prefer);
        }
        if let Some(schema) = self.profile {
            request = request.header("accept-profile", schema);
        }
        if let Some(body) = self.body.clone() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        supabase.authorized(request, self.rest.caller)
    }
}

/// Rows as PostgREST sent them: a JSON array.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The bytes.
    pub body: Bytes,
    /// How many rows they hold, where PostgREST says so.
    pub count: Option<usize>,
}

impl Rows {
    /// The rows one by one, each still text.
    pub fn split(&self) -> Result<Vec<&RawValue>, SupabaseError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The first row, where there is one.
    pub fn first(&self) -> Result<Option<Bytes>, SupabaseError> {
        Ok(self.split()?.first().map(|row| self.body.slice_ref(row.get().as_bytes())))
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.body.trim_ascii() == b"[]"
    }
}
