//! A parsed request. Its body is parsed later.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;

use super::error::RestError;
use super::headers::{MediaType, Preferences, Range, check_profile};
use super::payload::Payload;
use super::query::{self, Query};

pub(super) struct Request {
    pub method: Method,
    pub headers: HeaderMap,
    pub query: Query,
    pub preferences: Preferences,
    pub media_type: MediaType,
    pub body: Bytes,
    /// The body's rows, once `read_payload` has read them.
    pub payload: Payload,
}

/// The resource that the path names.
pub(super) enum Resource<'a> {
    Root,
    Table(&'a str),
    Function(&'a str),
}

impl<'a> Resource<'a> {
    pub fn parse(path: &'a str) -> Result<Self, RestError> {
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            [""] => Ok(Self::Root),
            ["rpc", function] => Ok(Self::Function(function)),
            [table] => Ok(Self::Table(table)),
            _ => Err(RestError::invalid_path()),
        }
    }
}

impl Request {
    pub fn parse(parts: &Parts, body: Bytes, takes_arguments: bool) -> Result<Self, RestError> {
        check_profile(&parts.method, &parts.headers)?;
        let preferences = Preferences::from_headers(&parts.headers);
        preferences.check()?;
        Ok(Self {
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            query: query::parse(parts.uri.query().unwrap_or_default(), takes_arguments)?,
            preferences,
            media_type: MediaType::negotiate(&parts.headers)?,
            body,
            payload: Payload::default(),
        })
    }

    /// Reads the rows to write.
    pub fn read_payload(mut self) -> Result<Self, RestError> {
        // The row that PUT names has all its columns.
        let columns = self.query.columns.as_deref().filter(|_| self.method != Method::PUT);
        self.payload = Payload::parse(&self.headers, &self.body, columns)?;
        self.body = Bytes::new();
        Ok(self)
    }

    /// The requested rows.
    pub fn range(&self) -> Result<Range, RestError> {
        let root = &self.query.root;
        let range = Range { offset: root.offset, limit: root.limit };
        if self.method == Method::POST { Ok(range) } else { range.within_header(&self.headers) }
    }
}
