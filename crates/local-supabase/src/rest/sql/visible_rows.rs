//! The rows of a table that a caller may see, which every `from` of a statement names, and the
//! conditions of policies, which may read the visible rows of other tables.

use super::builder::{Sql, json_array};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Command, Expression, Fragment, Granted, Privilege, RowSecurity, Table};

/// The tables whose policies are being spelled out, one within the other.
type Active<'a> = &'a [&'static str];

/// What a statement does with rows, which decides on the policies that apply.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Reads them.
    Read,
    /// Updates them.
    Update,
    /// Deletes them.
    Delete,
}

/// The rows of its table that a statement covers.
#[derive(Clone, Copy, Debug)]
pub enum RowSet<'a> {
    /// Every row.
    All,
    /// The rows with these row ids, in this order.
    Rows(&'a [i64]),
    /// Rows that meet a condition on the table's columns.
    Matching(&'a Sql),
}

/// The visible rows as a subquery that SQLite flattens. Its column `ctid`, PostgreSQL's name for the
/// physical position of a row, is the last criterion of every order: as rows were stored or written.
pub fn visible_rows(
    session: Session,
    table: &'static Table,
    operation: Operation,
    row_set: RowSet<'_>,
) -> Result<Sql, RestError> {
    table.require(session.role, Privilege::Select)?;
    visible_rows_within(session, table, operation, row_set, &[])
}

/// The same without a look at privileges, for statements that check the columns that they read; `active`
/// are the tables in whose policies they stand.
pub(super) fn visible_rows_within(
    session: Session,
    table: &'static Table,
    operation: Operation,
    row_set: RowSet<'_>,
    active: Active<'_>,
) -> Result<Sql, RestError> {
    let position = if matches!(row_set, RowSet::Rows(_)) { "written_position" } else { "rowid" };
    let mut sql =
        Sql::new("(select ").push(position).push(" as ctid, ").name(table.name).push(".*");
    for column in table.columns {
        if let Some(body) = &column.computed {
            let body = expand(session, body, active)?;
            sql = sql.push(", ").append(body).push(" as ").name(column.name);
        }
    }
    sql = sql.push(" from ").name(table.name);
    if let RowSet::Rows(rows) = row_set {
        let written = "(select key as written_position, value as written_row from json_each(";
        let joined = ")) on rowid = written_row";
        sql = sql.push(" join ").push(written).bind(json_array(rows)).push(joined);
    }
    sql = sql.push(" where true");
    for command in commands(operation) {
        let security = table.using(session.role, *command);
        if let Some(condition) = condition(session, table, security, active)? {
            sql = sql.push(" and ").append(condition);
        }
    }
    if let RowSet::Matching(condition) = row_set {
        sql = sql.push(" and (").append(condition.clone()).push(")");
    }
    Ok(sql.push(")"))
}

/// The commands whose policies hide rows: a row can be changed only if it can be seen.
fn commands(operation: Operation) -> &'static [Command] {
    match operation {
        Operation::Read => &[Command::Select],
        Operation::Update => &[Command::Select, Command::Update],
        Operation::Delete => &[Command::Select, Command::Delete],
    }
}

/// Whether row-level security lets a row of the table pass; nothing where it lets every row pass.
pub(super) fn condition(
    session: Session,
    table: &'static Table,
    security: RowSecurity,
    active: Active<'_>,
) -> Result<Option<Sql>, RestError> {
    let RowSecurity::Policies { permissive, restrictive } = security else { return Ok(None) };
    let restrictive: Vec<_> = restrictive.into_iter().map(|(_, expression)| expression).collect();
    let active = entered(table, permissive.iter().chain(&restrictive), active)?;
    let spell = |expression: &&Expression| {
        Ok(Sql::new("(").append(expand(session, expression, &active)?).push(")"))
    };
    let permissive: Vec<_> = permissive.iter().map(spell).collect::<Result<_, RestError>>()?;
    let mut all: Vec<_> = restrictive.iter().map(spell).collect::<Result<_, RestError>>()?;
    let any = match permissive.len() {
        0 => Sql::new("false"),
        _ => Sql::tree(" or ", permissive),
    };
    all.insert(0, Sql::new("(").append(any).push(")"));
    Ok(Some(Sql::new("(").append(Sql::join(" and ", all)).push(")")))
}

/// PostgreSQL looks for circles only where a policy has a sub-select.
fn entered<'a>(
    table: &'static Table,
    mut expressions: impl Iterator<Item = &'a &'static Expression>,
    active: Active<'_>,
) -> Result<Vec<&'static str>, RestError> {
    if expressions.all(|expression| !expression.has_subselect) {
        return Ok(active.to_vec());
    }
    if active.contains(&table.name) {
        return Err(RestError::policy_recursion(table.name));
    }
    Ok([active, &[table.name]].concat())
}

/// An expression of the schema.
pub(crate) fn expression(session: Session, expression: &Expression) -> Result<Sql, RestError> {
    expand(session, expression, &[])
}

fn expand(session: Session, expression: &Expression, active: Active<'_>) -> Result<Sql, RestError> {
    expression.sqlite.iter().try_fold(Sql::default(), |sql, fragment| match *fragment {
        Fragment::Sql(text) => Ok(sql.push(text)),
        Fragment::VisibleRows(name) => {
            let table = session.schema.table(name)?;
            require_whole_table(session, table)?;
            let rows = visible_rows_within(session, table, Operation::Read, RowSet::All, active)?;
            Ok(sql.append(rows))
        }
    })
}

/// Which columns an expression reads of another table is not known here.
fn require_whole_table(session: Session, table: &'static Table) -> Result<(), RestError> {
    table.require(session.role, Privilege::Select)?;
    match table.granted(session.role).select {
        Granted::Columns(_) => Err(RestError::not_implemented(format!(
            "A policy reads the table {}, of which the role {} may read some columns only. The local \
             Supabase does not check which columns a policy reads.",
            table.name,
            session.role.name()
        ))),
        Granted::Nothing | Granted::Table => Ok(()),
    }
}
