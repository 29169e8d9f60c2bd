//! What can go wrong between this server and Supabase.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

use crate::json;
use crate::memory::Full;

mod answers;
mod storage;

/// How much of Supabase's wording is kept.
const MAX_MESSAGE_BYTES: usize = 2048;

/// A failed request. Its text is for the log, never for a client.
#[derive(Clone, Debug, Error)]
#[error("supabase: {kind:?}{}: {message}", .code.as_deref().map(|c| format!(" {c}")).unwrap_or_default())]
pub struct SupabaseError {
    /// What went wrong, in terms this server acts on.
    pub kind: SupabaseErrorKind,
    /// Supabase's own code: a SQLSTATE, `PGRST…`, or Auth's word.
    pub code: Option<String>,
    /// Supabase's own wording.
    pub message: String,
    /// What PostgREST adds: details and a hint.
    pub hint: Option<Box<str>>,
    /// After which time Supabase wants to be asked again, where it says so.
    pub retry_after: Option<Duration>,
    pub(super) repeat: Repeat,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupabaseErrorKind {
    /// One row was asked for and there was none, or several.
    NotOneRow,
    /// A unique constraint refused the row.
    Duplicate,
    /// A foreign key refused the row.
    ForeignKey,
    /// A check, a type or a length refused a value.
    InvalidValue,
    /// Storage refuses so many bytes.
    TooLarge,
    /// The access token was refused: bad signature, unknown key, malformed, its session is over.
    TokenRefused,
    /// The access token has expired.
    TokenExpired,
    /// The access token is not valid yet: clocks differ.
    TokenTooEarly,
    /// The access token's user does not exist any more.
    UserNotFound,
    /// Row-level security refused the request.
    Forbidden,
    /// A table, column, function or grant is missing: the migrations were not applied.
    SchemaMismatch,
    /// Another transaction was in the way.
    Contention,
    /// A statement or the whole request took too long.
    Timeout,
    /// No connection, or it broke off.
    Unreachable,
    /// Supabase or this client has too much to do.
    Overloaded,
    /// This server has no memory for the answer.
    NoMemory(Full),
    /// Nothing is served at this address.
    NoSuchRoute,
    /// Supabase refused us for another reason.
    Refused,
    /// Supabase's answer has more bytes than are read.
    AnswerTooLarge,
    /// Supabase answered something unreadable.
    Protocol,
}

/// Which requests may be sent again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// None: the failure would be the same.
    Never,
    /// Those that may be carried out twice: this one may have been.
    Idempotent,
    /// Any: this one was certainly not carried out.
    Any,
}

impl SupabaseError {
    /// A failure of a part of a request that is a success.
    pub fn new(kind: SupabaseErrorKind, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { kind, code: None, message, hint: None, retry_after: None, repeat: Repeat::Never }
    }

    /// An answer that makes no sense.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(SupabaseErrorKind::Protocol, message)
    }

    /// Whether the constraint `name` refused the row.
    pub fn violates(&self, name: &str) -> bool {
        matches!(
            self.kind,
            SupabaseErrorKind::ForeignKey
                | SupabaseErrorKind::Duplicate
                | SupabaseErrorKind::InvalidValue
        ) && self.message.contains(&format!("\"{name}\""))
    }

    /// Whether the request may have been carried out although it failed.
    pub fn may_have_happened(&self) -> bool {
        use SupabaseErrorKind as Kind;
        let is_certain =
            matches!(self.kind, Kind::Overloaded | Kind::NoSuchRoute | Kind::InvalidValue);
        match self.repeat {
            Repeat::Any => false,
            Repeat::Idempotent => true,
            // What the database refuses, it undoes.
            Repeat::Never => self.code.is_none() && !is_certain,
        }
    }

    /// The last failure of a request that was sent several times, one of which may have been carried out.
    pub(super) fn of_several(self, may_have_happened: bool) -> Self {
        let repeat = if may_have_happened { Repeat::Idempotent } else { self.repeat };
        Self { repeat, ..self }
    }

    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        let (kind, repeat) = match (error.is_connect(), error.is_timeout()) {
            // Who waits that long for a connection had better not wait for another one.
            (true, true) => (SupabaseErrorKind::Unreachable, Repeat::Never),
            (true, false) => (SupabaseErrorKind::Unreachable, Repeat::Any),
            (false, true) => (SupabaseErrorKind::Timeout, Repeat::Never),
            (false, false) if error.is_builder() => (SupabaseErrorKind::Refused, Repeat::Never),
            (false, false) => (SupabaseErrorKind::Unreachable, Repeat::Idempotent),
        };
        Self { repeat, ..Self::new(kind, chain(&error.without_url())) }
    }
}

impl From<Full> for SupabaseError {
    fn from(full: Full) -> Self {
        Self::new(SupabaseErrorKind::NoMemory(full), full.to_string())
    }
}

impl From<serde_json::Error> for SupabaseError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(
            SupabaseErrorKind::Protocol,
            format!("unreadable answer: {}", json::cause(&error)),
        )
    }
}

/// Errors are kept and logged, so none is longer than a line should be.
fn shortened(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
    message
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
