//! Reading whole request bodies, within limits on length, time and memory.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;

use super::role::Role;
use memory::{Charge, Full, Held, Holder, Memory, ReadError, json_cost};

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The limits for callers without an access token.
const ANON_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const ANON_MAX_BYTES: usize = 128 << 10;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    TooSlow,
    Broken,
    Full(Full),
}

impl Role {
    /// The holder that the memory of a request is charged to.
    pub(super) fn holder(self) -> Holder {
        match self {
            Self::Anon => Holder::Anonymous,
            Self::Authenticated { user_id } => Holder::User(user_id),
            Self::Service => Holder::Server,
        }
    }
}

/// Reads a body of at most `max` bytes, or fewer from a caller without an access token. The second
/// value is the memory charged for the body and for the values that will be parsed from it.
pub(super) async fn read(
    memory: &Memory,
    role: Role,
    headers: &HeaderMap,
    body: Body,
    max: usize,
) -> Result<(Bytes, Held), BodyError> {
    let (max, timeout) = match role {
        Role::Anon => (max.min(ANON_MAX_BYTES), ANON_TIMEOUT),
        _ => (max, TIMEOUT),
    };
    let held = Held::new(memory.charge(role.holder()));
    let body = within(timeout, headers, body, max, held.sibling()).await?;
    held.grow(json_cost(&body)).map_err(BodyError::Full)?;
    Ok((body, held))
}

async fn within(
    timeout: Duration,
    headers: &HeaderMap,
    body: Body,
    max: usize,
    charge: Charge,
) -> Result<Bytes, BodyError> {
    let expected =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = memory::read(body.into_data_stream(), expected, max, charge);
    match tokio::time::timeout(timeout, reading).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(ReadError::TooLarge(_))) => Err(BodyError::TooLarge),
        Ok(Err(ReadError::Full(full))) => Err(BodyError::Full(full)),
        Ok(Err(ReadError::Broken(_))) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow),
    }
}
