//! What `auth.uid()`, `auth.jwt()` and `now()` read: as PostgreSQL keeps the caller's claims in a
//! setting of the transaction, SQLite's functions find them on the thread that runs it.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result};
use serde_json::{Map, Value, json};

use super::session::Session;
use super::value::jsonb;
use crate::role::Role;

/// What a token says about its bearer.
#[derive(Clone, Debug)]
pub(crate) struct Claims(Arc<Map<String, Value>>);

impl Claims {
    /// The claims of a verified token.
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self(Arc::new(claims))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

impl From<Role> for Claims {
    /// What the token of a caller would say of whom only the role is known.
    fn from(role: Role) -> Self {
        let mut claims = Map::new();
        if let Some(uid) = role.uid() {
            claims.insert("sub".to_owned(), json!(uid.to_string()));
        }
        claims.insert("role".to_owned(), json!(role.name()));
        Self::new(claims)
    }
}

struct Settings {
    claims: Claims,
    uid: Option<String>,
    now: i64,
}

thread_local! {
    static CURRENT: RefCell<Option<Settings>> = const { RefCell::new(None) };
}

/// Runs `work`, which the functions find to be on behalf of these claims.
pub(super) fn with<T>(claims: Claims, session: Session, work: impl FnOnce() -> T) -> T {
    /// Also after a panic.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    let uid = session.uid().map(|uid| uid.to_string());
    CURRENT.set(Some(Settings { claims, uid, now: session.now }));
    let _end = End;
    work()
}

fn get<T>(read: impl FnOnce(&Settings) -> Option<T>) -> Option<T> {
    CURRENT.with_borrow(|settings| settings.as_ref().and_then(read))
}

/// Registers the functions on a connection.
pub(super) fn register(connection: &Connection, clock: &clock::Clock) -> Result<()> {
    // Not deterministic: SQLite would take one answer for all times.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("auth_uid", 0, flags, |_| Ok(get(|s| s.uid.clone())))?;
    let claim = |name: &'static str| {
        move |settings: &Settings| settings.claims.text(name).map(str::to_owned)
    };
    connection.create_scalar_function("auth_role", 0, flags, move |_| Ok(get(claim("role"))))?;
    connection.create_scalar_function("auth_email", 0, flags, move |_| Ok(get(claim("email"))))?;
    connection.create_scalar_function("auth_jwt", 0, flags, |_| {
        Ok(get(|settings| Some(jsonb::print(&Value::Object((*settings.claims.0).clone())))))
    })?;
    let clock = clock.clone();
    connection.create_scalar_function("now", 0, flags, move |_| {
        Ok(get(|settings| Some(settings.now)).unwrap_or_else(|| clock.now().as_microsecond()))
    })
}
