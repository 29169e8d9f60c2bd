//! Brings a database up to date: which files it has, which are new, and what they change.

use std::sync::Arc;

use rusqlite::{Connection, Result, Transaction, TransactionBehavior};

use super::catalogue::Notice;
use super::plan::{Plan, plan};
use super::read::Migration;
use super::registration::{Registration, sha256};
use super::sync::sync;
use crate::schema::SYSTEM;

/// The version of databases whose tables are read from migrations. Those before counted files of
/// SQLite's own.
pub const FORMAT: u32 = 8;

/// A folder of before: how many of the project's files its version stands for.
#[derive(Clone, Copy, Debug)]
pub struct Legacy {
    /// What the database says.
    pub user_version: u32,
    /// How many files have been applied.
    pub files: usize,
    /// What SQLite has to change first.
    pub repair: &'static str,
}

/// What a database is to have.
#[derive(Clone, Copy, Debug)]
pub struct Desired<'a> {
    /// The project's files.
    pub own: &'a [Migration],
    /// Files that somebody adds; nothing where their tables are to be left alone.
    pub added: Option<&'a [Migration]>,
    /// Whether new tables are open to the roles of the API by themselves.
    pub exposes: bool,
    pub registrations: &'a [Registration],
    pub legacy: &'a [Legacy],
    /// Whether what somebody has added before is to go.
    pub reset: bool,
}

/// Why a database cannot be brought up to date.
#[derive(Debug)]
pub enum ApplyError {
    /// SQLite's reason.
    Sqlite(rusqlite::Error),
    /// It has a file of the project that this program does not know.
    Unknown(String),
    /// A file is not what it was when it was applied.
    Changed(String),
    /// A file that was applied is gone.
    Gone(String),
    /// A file has the version of one of the project's, but other content.
    Taken(String),
    /// A row refers to a row that is not there.
    Reference(String),
}

impl From<rusqlite::Error> for ApplyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Brings the database up to date. `complete` runs in the same transaction.
pub fn apply(
    connection: &mut Connection,
    desired: Desired<'_>,
    complete: impl FnOnce(&Connection) -> Result<()>,
) -> std::result::Result<(Arc<Plan>, Vec<Notice>), ApplyError> {
    // Tables are made anew, and for a moment those that refer to them refer to nothing.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "legacy_alter_table", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = apply_within(&transaction, desired)?;
    complete(&transaction)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    connection.pragma_update(None, "legacy_alter_table", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(done)
}

fn apply_within(
    transaction: &Transaction<'_>,
    desired: Desired<'_>,
) -> std::result::Result<(Arc<Plan>, Vec<Notice>), ApplyError> {
    let version: u32 = transaction.query_row("pragma user_version", [], |row| row.get(0))?;
    transaction.execute_batch(SYSTEM)?;
    adopt(transaction, version, desired)?;
    if desired.reset {
        transaction.execute("delete from local_migrations where is_own = 0", [])?;
    }
    let (mut files, ignored) = applied(transaction, desired)?;
    let count = files.len();
    let pending = pending(&files, desired)?;
    files.extend(pending.iter().map(|(file, _)| (*file).clone()));
    let plan = plan(&files, count, desired.registrations, desired.exposes);
    let mut notices = plan.notices.clone();
    let mut found = None;
    for step in &plan.steps {
        if found.is_none_or(|found| !Arc::ptr_eq(found, &step.found)) {
            sync(transaction, &step.found.tables, step.found.sequences(), None)?;
            found = Some(&step.found);
        }
        if let Err(error) = run(transaction, &step.statements) {
            notices.push(Notice {
                message: format!("it fails: {error}; its rows are missing"),
                ..step.place.clone()
            });
        }
    }
    let known = (!ignored && (desired.reset || !pending.is_empty())).then_some(&plan.known[..]);
    sync(transaction, &plan.end.tables, &plan.sequences, known)?;
    for (file, is_own) in &pending {
        let insert = "insert into local_migrations (file, sha256, is_own) values (?, ?, ?)";
        transaction.execute(insert, (&file.file, sha256(&file.sql), is_own))?;
    }
    check_references(transaction)?;
    Ok((plan, notices))
}

/// Notes which files a folder of before has.
fn adopt(transaction: &Transaction<'_>, version: u32, desired: Desired<'_>) -> Result<()> {
    let Some(legacy) = desired.legacy.iter().find(|legacy| legacy.user_version == version) else {
        return Ok(());
    };
    transaction.execute_batch(legacy.repair)?;
    for migration in &desired.own[..legacy.files] {
        let insert =
            "insert or ignore into local_migrations (file, sha256, is_own) values (?, ?, 1)";
        transaction.execute(insert, (&migration.file, sha256(&migration.sql)))?;
    }
    Ok(())
}

/// The files that have been applied, in that order, and whether there are others that are left alone.
fn applied(
    transaction: &Transaction<'_>,
    desired: Desired<'_>,
) -> std::result::Result<(Vec<Migration>, bool), ApplyError> {
    let select = "select file, sha256, is_own from local_migrations order by position";
    let mut statement = transaction.prepare(select)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(String, String, bool)> = rows.collect::<Result<_>>()?;
    let (mut files, mut ignored) = (Vec::new(), false);
    for (file, digest, is_own) in rows {
        let known = |files: &[Migration]| files.iter().find(|known| known.file == file).cloned();
        if is_own {
            files.push(known(desired.own).ok_or(ApplyError::Unknown(file))?);
            continue;
        }
        let Some(added) = desired.added else {
            ignored = true;
            continue;
        };
        match known(added) {
            None => return Err(ApplyError::Gone(file)),
            Some(migration) if sha256(&migration.sql) != digest => {
                return Err(ApplyError::Changed(file));
            }
            Some(migration) => files.push(migration),
        }
    }
    Ok((files, ignored))
}

/// The files that are still to be applied, and whether they are the project's.
fn pending<'a>(
    applied: &[Migration],
    desired: Desired<'a>,
) -> std::result::Result<Vec<(&'a Migration, bool)>, ApplyError> {
    let is_new = |migration: &&Migration| applied.iter().all(|known| known.file != migration.file);
    let mut pending: Vec<_> = desired.own.iter().filter(is_new).map(|own| (own, true)).collect();
    for migration in desired.added.unwrap_or_default() {
        let same = desired.own.iter().find(|own| own.version() == migration.version());
        match same {
            None => pending.extend(is_new(&migration).then_some((migration, false))),
            Some(own) if own.sql.replace('\r', "") == migration.sql.replace('\r', "") => {}
            Some(_) => return Err(ApplyError::Taken(migration.file.clone())),
        }
    }
    Ok(pending)
}

/// All of the statements or none.
fn run(transaction: &Transaction<'_>, statements: &[String]) -> Result<()> {
    transaction.execute_batch("savepoint step")?;
    let done = statements.iter().try_for_each(|sql| transaction.execute_batch(sql));
    let end = if done.is_ok() { "release step" } else { "rollback to step; release step" };
    transaction.execute_batch(end)?;
    done
}

fn check_references(transaction: &Transaction<'_>) -> std::result::Result<(), ApplyError> {
    let mut statement =
        transaction.prepare("select \"table\", parent from pragma_foreign_key_check limit 1")?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        None => Ok(()),
        Some(row) => {
            let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
            Err(ApplyError::Reference(format!(
                "a row of {table} refers to a row of {parent} that is missing"
            )))
        }
    }
}

impl Migration {
    /// The digits that its name begins with.
    fn version(&self) -> &str {
        let end = self.file.find(|c: char| !c.is_ascii_digit());
        &self.file[..end.unwrap_or(self.file.len())]
    }
}
