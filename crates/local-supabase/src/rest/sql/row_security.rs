//! The conditions of policies, and other expressions of the schema.

use super::builder::Sql;
use super::visible_rows::{Operation, RowSet, visible_rows_within};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Expression, Fragment, Granted, Privilege, RowSecurity, Table};

/// The tables whose policies are being spelled out, one within the other.
pub(super) type Active<'a> = &'a [&'static str];

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

pub(super) fn expand(
    session: Session,
    expression: &Expression,
    active: Active<'_>,
) -> Result<Sql, RestError> {
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
