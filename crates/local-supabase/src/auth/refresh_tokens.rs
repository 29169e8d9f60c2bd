//! Refresh tokens. Each can be used once, or again where the client may have missed the response.
//!
//! The database holds only digests of tokens. Yet a client that retries must get the same successor
//! again, so the successor is derived from its predecessor, which the client sends, and a seed, which
//! the database stores.

use aws_lc_rs::{digest, hmac, rand};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::error::AuthError;
use super::sessions::Session;
use super::sql_types::{Time, uuid};

/// How long after its use a token may be used again, by tabs that refresh at the same time.
const REUSE_SECONDS: i64 = 10;
/// How long used tokens are stored.
const RETENTION_SECONDS: i64 = 24 * 60 * 60;

const LENGTH: usize = 12;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

type Seed = [u8; 16];

/// What a token was exchanged for.
pub(super) struct Exchange {
    pub(super) token: String,
    /// Whether this exchange created it, rather than an earlier one.
    pub(super) is_new: bool,
}

/// A token that was found by its digest.
pub(super) struct StoredToken {
    id: i64,
    pub(super) session_id: Uuid,
    revoked_at: Option<Time>,
}

/// The first token of a session.
pub(super) fn issue(
    connection: &Connection,
    session: &Session,
    now: Time,
) -> Result<String, AuthError> {
    let token = encode(&random::<LENGTH>()?);
    insert(connection, session.id, &token, None, now)?;
    Ok(token)
}

/// Finds a token, used or not.
pub(super) fn find(connection: &Connection, token: &str) -> Result<StoredToken, AuthError> {
    if token.len() != LENGTH {
        return Err(AuthError::validation("Refresh token is not valid"));
    }
    let stored = connection
        .prepare_cached("select * from auth_refresh_tokens where digest = ?1")?
        .query_row([digest(token)], StoredToken::from_row)
        .optional()?;
    stored.ok_or_else(|| {
        let message = "Invalid Refresh Token: Refresh Token Not Found";
        AuthError::bad_request("refresh_token_not_found", message)
    })
}

/// Exchanges a token for its successor. Returns `None` if the token was probably stolen, and then
/// revokes all tokens of the session.
pub(super) fn exchange(
    connection: &Connection,
    token: &str,
    stored: &StoredToken,
    now: Time,
) -> Result<Option<Exchange>, AuthError> {
    if let Some(revoked_at) = stored.revoked_at {
        // However late: the client seems to have missed the answer.
        if let Some(seed) = active_child_seed(connection, stored)? {
            return Ok(Some(Exchange { token: successor(token, &seed), is_new: false }));
        }
        if revoked_at < now.minus_seconds(REUSE_SECONDS) {
            revoke_all(connection, stored.session_id, now)?;
            return Ok(None);
        }
    }
    let token = replace(connection, token, stored, now)?;
    Ok(Some(Exchange { token, is_new: true }))
}

fn replace(
    connection: &Connection,
    token: &str,
    stored: &StoredToken,
    now: Time,
) -> Result<String, AuthError> {
    let seed = random()?;
    let token = successor(token, &seed);
    connection.execute(
        "update auth_refresh_tokens set revoked_at = ?2 where id = ?1",
        params![stored.id, now],
    )?;
    insert(connection, stored.session_id, &token, Some((stored.id, seed)), now)?;
    connection.execute(
        "delete from auth_refresh_tokens where session_id = ?1 and revoked_at < ?2",
        params![stored.session_id.to_string(), now.minus_seconds(RETENTION_SECONDS)],
    )?;
    Ok(token)
}

/// The seed of the session's newest active token, if that is the successor of this one.
fn active_child_seed(
    connection: &Connection,
    stored: &StoredToken,
) -> rusqlite::Result<Option<Seed>> {
    let newest = connection
        .prepare_cached(
            "select parent_id, seed from auth_refresh_tokens
             where session_id = ?1 and revoked_at is null order by id desc limit 1",
        )?
        .query_row([stored.session_id.to_string()], |row| {
            Ok((row.get::<_, Option<i64>>("parent_id")?, row.get("seed")?))
        })
        .optional()?;
    Ok(newest.filter(|&(parent_id, _)| parent_id == Some(stored.id)).map(|(_, seed)| seed))
}

fn revoke_all(connection: &Connection, session_id: Uuid, now: Time) -> rusqlite::Result<()> {
    connection.execute(
        "update auth_refresh_tokens set revoked_at = ?2
         where session_id = ?1 and revoked_at is null",
        params![session_id.to_string(), now],
    )?;
    Ok(())
}

fn insert(
    connection: &Connection,
    session_id: Uuid,
    token: &str,
    parent: Option<(i64, Seed)>,
    now: Time,
) -> rusqlite::Result<()> {
    let (parent_id, seed) = parent.unzip();
    connection.execute(
        "insert into auth_refresh_tokens (session_id, digest, parent_id, seed, created_at)
         values (?1, ?2, ?3, ?4, ?5)",
        params![session_id.to_string(), digest(token), parent_id, seed, now],
    )?;
    Ok(())
}

impl StoredToken {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            session_id: uuid(row, "session_id")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

fn random<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(AuthError::internal)?;
    Ok(bytes)
}

fn digest(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

fn successor(token: &str, seed: &Seed) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    encode(&hmac::sign(&key, seed).as_ref()[..LENGTH])
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
