//! Deleting accounts: `begin_account_deletion` and what follows it.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::message_row::{change, to_jsonb};
use crate::local_supabase::Role;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// How long whoever works on a deletion has for it, and how long uploads may be under way after it.
const LEASE_MICROS: i64 = 120_000_000;
const LATE_MICROS: i64 = 3_600_000_000;
const ROWS: i64 = 1_000;

/// `private.current_account`: an error for an account that was deleted.
pub fn check_account(connection: &Connection, user_id: Uuid) -> Result<(), RestError> {
    if is_deleted(connection, &user_id.to_string())? {
        return Err(RestError::sql("PT401", "this account was deleted"));
    }
    Ok(())
}

fn is_deleted(connection: &Connection, user: &str) -> rusqlite::Result<bool> {
    let select = "select 1 from \"private.deleted_accounts\" where user_id = ?";
    let found = connection.prepare_cached(select)?.query_row([user], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn require_service(session: Session, function: &str) -> Result<(), RestError> {
    match session.role {
        Role::Service => Ok(()),
        _ => Err(RestError::permission_denied("function", function)),
    }
}

/// `private.require_operator`
pub(super) fn require_operator(
    connection: &Connection,
    session: Session,
    user: Option<&str>,
) -> Result<(), RestError> {
    require_service(session, "usage_of_all_users")?;
    match user {
        None => Err(RestError::sql("42501", "only the service role reads the usage of all users")),
        Some(user) if is_deleted(connection, user)? => {
            Err(RestError::sql("PT401", "this account was deleted"))
        }
        Some(_) => Ok(()),
    }
}

/// The account that a function of the service role is about, which is being deleted.
fn deleted_account<'a>(
    connection: &Connection,
    session: Session,
    arguments: &'a Arguments,
    function: &str,
) -> Result<&'a str, RestError> {
    require_service(session, function)?;
    match arguments.text("p_user_id") {
        Some(user) if is_deleted(connection, user)? => Ok(user),
        _ => Err(RestError::sql("42501", "not an account that is being deleted")),
    }
}

/// Marks an account as deleted, and stops what is at work for it.
pub(super) fn begin_account_deletion(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    require_service(session, "begin_account_deletion")?;
    let user = arguments.text("p_user_id");
    let insert = "insert into \"private.deleted_accounts\" \
                  (user_id, requested_at, lease_expires_at) \
                  values (?1, clock_timestamp(), clock_timestamp() + ?2) \
                  on conflict (user_id) do update set lease_expires_at = excluded.lease_expires_at";
    connection.prepare_cached(insert)?.execute(params![user, LEASE_MICROS])?;
    let stop = "update messages \
                set stop_requested_at = coalesce(stop_requested_at, clock_timestamp()) \
                where user_id = ? and status = 'streaming'";
    change(connection, session, stop, [user])?;
    Ok("true".to_owned())
}

/// Deletes some rows of an account; whether none is left.
pub(super) fn delete_account_rows(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = deleted_account(connection, session, arguments, "delete_account_rows")?;
    let renew = "update \"private.deleted_accounts\" \
                 set lease_expires_at = clock_timestamp() + ? where user_id = ?";
    connection.prepare_cached(renew)?.execute(params![LEASE_MICROS, user])?;
    let runs = "delete from \"private.token_reservations\" where user_id = ?";
    connection.prepare_cached(runs)?.execute([user])?;
    for (table, rows) in [
        ("chats", ROWS / 50),
        ("script_runs", ROWS),
        ("files", ROWS),
        ("analytics", ROWS),
        ("usage_logs", ROWS),
    ] {
        let delete = format!(
            "delete from {table} where id in \
             (select id from {table} where user_id = ? limit ?)"
        );
        let deleted = connection.prepare_cached(&delete)?.execute(params![user, rows])?;
        if deleted > 0 {
            return Ok("false".to_owned());
        }
    }
    Ok("true".to_owned())
}

/// Remembers that everything of an account was deleted.
pub(super) fn end_account_deletion(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = deleted_account(connection, session, arguments, "end_account_deletion")?;
    let update = "update \"private.deleted_accounts\" \
                  set swept_at = case when deleted_at < clock_timestamp() - ?1 \
                      then clock_timestamp() end, \
                    deleted_at = coalesce(deleted_at, clock_timestamp()), lease_expires_at = null \
                  where user_id = ?2";
    connection.prepare_cached(update)?.execute(params![LATE_MICROS, user])?;
    Ok("true".to_owned())
}

/// Up to ten accounts that are to be deleted and that nobody is at work on: their ids.
pub(super) fn claim_account_deletions(
    connection: &Connection,
    session: Session,
    _: &Arguments,
) -> Result<String, RestError> {
    require_service(session, "claim_account_deletions")?;
    let update = "update \"private.deleted_accounts\" \
                  set lease_expires_at = clock_timestamp() + ?1 where user_id in ( \
                    select user_id from \"private.deleted_accounts\" \
                      where swept_at is null \
                        and (deleted_at is null or deleted_at < clock_timestamp() - ?2) \
                        and (lease_expires_at is null or lease_expires_at < clock_timestamp()) \
                      order by requested_at limit 10) \
                  returning user_id, requested_at";
    let mut statement = connection.prepare_cached(update)?;
    let claimed = statement
        .query_map(params![LEASE_MICROS, LATE_MICROS], |row| Ok((row.get(1)?, row.get(0)?)))?;
    let mut claimed = claimed.collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    claimed.sort();
    to_jsonb(&claimed.into_iter().map(|(_, user)| user).collect::<Vec<_>>())
}
