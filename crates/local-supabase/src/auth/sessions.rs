//! Sessions: one for each sign-in, until it is signed out.

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::sql_types::{Time, uuid};

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Password,
    Anonymous,
}

impl Method {
    /// Its name in the `amr` claim.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Anonymous => "anonymous",
        }
    }
}

/// A session that was not signed out.
#[derive(Clone, Copy)]
pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) method: Method,
    pub(super) created_at: Time,
}

impl Session {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let method: String = row.get("method")?;
        Ok(Self {
            id: uuid(row, "id")?,
            user_id: uuid(row, "user_id")?,
            method: if method == "anonymous" { Method::Anonymous } else { Method::Password },
            created_at: row.get("created_at")?,
        })
    }
}

/// Creates a session.
pub(super) fn insert(
    connection: &Connection,
    user_id: Uuid,
    method: Method,
    now: Time,
) -> rusqlite::Result<Session> {
    let session = Session { id: Uuid::new_v4(), user_id, method, created_at: now };
    connection.execute(
        "insert into auth_sessions (id, user_id, method, created_at) values (?1, ?2, ?3, ?4)",
        params![session.id.to_string(), user_id.to_string(), method.as_str(), now],
    )?;
    Ok(session)
}

/// Finds a session that was not signed out.
pub(super) fn find(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached("select * from auth_sessions where id = ?1")?
        .query_row([id.to_string()], Session::from_row)
        .optional()
}

/// Ends one session and deletes its refresh tokens.
pub(super) fn delete(connection: &Connection, id: Uuid) -> rusqlite::Result<()> {
    connection.execute("delete from auth_sessions where id = ?1", [id.to_string()]).map(|_| ())
}

/// Ends all sessions of a user, optionally except one.
pub(super) fn delete_by_user(
    connection: &Connection,
    user_id: Uuid,
    except: Option<Uuid>,
) -> rusqlite::Result<()> {
    let except = except.map(|id| id.to_string());
    connection.execute(
        "delete from auth_sessions where user_id = ?1 and id is not ?2",
        params![user_id.to_string(), except],
    )?;
    Ok(())
}
