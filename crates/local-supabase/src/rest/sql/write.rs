//! Inserts, updates and deletes, and the queries that decide whether they are allowed.

use rusqlite::types::Value;

use super::builder::Sql;
use super::visible_rows::{Operation, RowSet, visible_rows};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Column, ForeignKey, Table};

/// Rows as a statement would leave them: the given values, and the stored ones where rows exist.
#[derive(Clone, Copy)]
pub struct Proposed<'a> {
    pub table: &'static Table,
    pub values: &'a [(&'static Column, Value)],
    /// The rows to change; none for a new row, of which every column is given.
    pub rows: Option<&'a [i64]>,
}

pub fn insert(table: &'static Table, values: &[(&'static Column, Value)]) -> Sql {
    let names = values.iter().map(|(column, _)| column.name);
    let bound = values.iter().map(|(_, value)| Sql::bound(value.clone()));
    Sql::new("insert into ")
        .name(table.name)
        .append(Sql::names(names))
        .push(" values (")
        .append(Sql::join(", ", bound))
        .push(")")
}

pub fn update(proposed: Proposed<'_>) -> Sql {
    let assignments = proposed
        .values
        .iter()
        .map(|(column, value)| Sql::default().name(column.name).push(" = ").bind(value.clone()));
    Sql::new("update ")
        .name(proposed.table.name)
        .push(" set ")
        .append(Sql::join(", ", assignments))
        .push(" where rowid in ")
        .append(Sql::row_ids(proposed.rows.unwrap_or_default()))
}

pub fn delete(table: &'static Table, rows: &[i64]) -> Sql {
    Sql::new("delete from ").name(table.name).push(" where rowid in ").append(Sql::row_ids(rows))
}

/// The row that already has the values of `columns`, and whether the caller may update it.
pub fn find_conflict(
    session: Session,
    proposed: Proposed<'_>,
    columns: &[&'static str],
) -> Result<Sql, RestError> {
    let visible = visible_rows(session, proposed.table, Operation::Update, RowSet::All)?;
    let same =
        proposed.values.iter().filter(|(column, _)| columns.contains(&column.name)).map(
            |(column, value)| Sql::default().name(column.name).push(" = ").bind(value.clone()),
        );
    Ok(Sql::new("select rowid, rowid in (select ctid from ")
        .append(visible)
        .push(" as visible) from ")
        .name(proposed.table.name)
        .push(" where ")
        .append(Sql::join(" and ", same)))
}

/// Whether a policy's `with check` forbids one of the rows.
pub fn violates_check(
    session: Session,
    policy: Option<&'static str>,
    proposed: Proposed<'_>,
) -> Sql {
    Sql::new("select exists (select 1 from ")
        .append(proposed.to_sql())
        .push(" where ")
        .policy(policy, session)
        .push(" is not true)")
}

/// Whether a foreign key of one of the rows refers to a missing row.
pub fn missing_parent(proposed: Proposed<'_>, key: &ForeignKey) -> Sql {
    let pairs = || key.columns.iter().zip(key.foreign_columns);
    let given = pairs().map(|(own, _)| Sql::new("proposed.").name(own).push(" is not null and "));
    let same = pairs()
        .map(|(own, foreign)| Sql::new("parent.").name(foreign).push(" = proposed.").name(own));
    Sql::new("select exists (select 1 from ")
        .append(proposed.to_sql())
        .push(" as proposed where ")
        .append(Sql::join("", given))
        .push("not exists (select 1 from ")
        .name(key.sqlite_table())
        .push(" as parent where ")
        .append(Sql::join(" and ", same))
        .push("))")
}

/// Whether `key`, a foreign key of `child`, refers to one of the rows.
pub fn still_referenced(proposed: Proposed<'_>, child: &'static Table, key: &ForeignKey) -> Sql {
    let same = key
        .columns
        .iter()
        .zip(key.foreign_columns)
        .map(|(own, foreign)| Sql::new("child.").name(own).push(" = parent.").name(foreign));
    Sql::new("select exists (select 1 from ")
        .name(child.name)
        .push(" as child join ")
        .name(proposed.table.name)
        .push(" as parent on ")
        .append(Sql::join(" and ", same))
        .push(" where parent.rowid in ")
        .append(Sql::row_ids(proposed.rows.unwrap_or_default()))
        .push(")")
}

impl Proposed<'_> {
    /// `(select ? as "id", "title", … from "chats" where …)`
    fn to_sql(self) -> Sql {
        let columns = self.table.stored_columns().map(|column| {
            match self.values.iter().find(|(given, _)| given.name == column.name) {
                Some((_, value)) => Sql::bound(value.clone()).push(" as ").name(column.name),
                None => Sql::default().name(column.name),
            }
        });
        let sql = Sql::new("(select ").append(Sql::join(", ", columns));
        match self.rows {
            Some(rows) => sql
                .push(" from ")
                .name(self.table.name)
                .push(" where rowid in ")
                .append(Sql::row_ids(rows))
                .push(")"),
            None => sql.push(")"),
        }
    }
}
