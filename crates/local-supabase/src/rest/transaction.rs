//! One transaction for each request.

use rusqlite::Connection;
use uuid::Uuid;

use super::error::RestError;
use super::session::Session;
use super::settings::{self, Claims};
use crate::database::Database;
use crate::database::blocking::run_blocking;
use crate::role::Role;

/// Refuses a user, whoever else may make requests.
pub type CheckUser = fn(&Connection, Uuid) -> Result<(), RestError>;

/// Longer bodies are parsed on a blocking thread.
const MAX_SHORT: usize = 64 << 10;

/// Parses a body before the transaction begins.
pub(super) async fn read_body<T: Send + 'static>(
    bytes: usize,
    read: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes > MAX_SHORT { run_blocking(read).await } else { read() }
}

/// The transactions of one request.
pub(super) struct Transactions<'a> {
    pub(super) database: &'a Database,
    /// What its caller's token says.
    pub(super) claims: Claims,
    pub(super) check_user: Option<CheckUser>,
}

impl Transactions<'_> {
    /// Runs `work`, all of whose statements see the same state.
    pub(super) async fn read<T, F>(&self, session: Session, work: F) -> Result<T, RestError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
    {
        let (claims, check) = (self.claims.clone(), self.check_user);
        self.database
            .read(session.role, move |connection| {
                let snapshot = connection.unchecked_transaction()?;
                settings::with(claims, session, || {
                    check_user(check, &snapshot, session)?;
                    work(&snapshot)
                })
            })
            .await
    }

    /// Runs `work`, which changes few rows at a time; what it has written stays only if it succeeds.
    pub(super) async fn write<T, F>(&self, session: Session, work: F) -> Result<T, RestError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
    {
        let (claims, check) = (self.claims.clone(), self.check_user);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            settings::with(claims, session, || {
                check_user(check, transaction, session)?;
                work(transaction)
            })
        };
        self.database.write(session.role, work).await
    }

    /// The same for work that may change any number of rows in one statement.
    pub(super) async fn write_many<T, F>(&self, session: Session, work: F) -> Result<T, RestError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
    {
        let (claims, check) = (self.claims.clone(), self.check_user);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            settings::with(claims, session, || {
                check_user(check, transaction, session)?;
                work(transaction)
            })
        };
        self.database.write_exclusive(session.role, work).await
    }
}

fn check_user(
    check: Option<CheckUser>,
    connection: &Connection,
    session: Session,
) -> Result<(), RestError> {
    match (check, session.role) {
        (Some(check), Role::Authenticated { user_id }) => check(connection, user_id),
        _ => Ok(()),
    }
}
