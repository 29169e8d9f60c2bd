//! Inserts, updates and deletes, and the queries that decide whether they are allowed.

use rusqlite::types::Value;

use super::builder::Sql;
use super::visible_rows::{Operation, RowSet, condition, visible_rows_within};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Column, Expression, ForeignKey, Generated, RowSecurity, Table};

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
    let table = proposed.table;
    let visible = visible_rows_within(session, table, Operation::Update, RowSet::All, &[])?;
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

/// Whether row-level security forbids one of the rows; nothing where it forbids none.
pub fn violates_policy(
    session: Session,
    security: RowSecurity,
    proposed: Proposed<'_>,
) -> Result<Option<Sql>, RestError> {
    let condition = condition(session, proposed.table, security, &[])?;
    Ok(condition.map(|condition| proposed.exists(condition.push(" is not true"))))
}

/// Whether an expression of the schema, a check, is false of one of the rows.
pub fn violates_expression(proposed: Proposed<'_>, expression: &Expression) -> Sql {
    // A check names no other table.
    let condition = Sql::new("not (").push(expression.sql().unwrap_or("null")).push(")");
    proposed.exists(condition)
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

/// Whether a row that is not written now has the values of `columns`.
pub fn is_taken(proposed: Proposed<'_>, columns: &[&'static str]) -> Sql {
    let same =
        columns.iter().map(|name| Sql::new("stored.").name(name).push(" = proposed.").name(name));
    Sql::new("select exists (select 1 from ")
        .append(proposed.to_sql())
        .push(" as proposed join ")
        .name(proposed.table.name)
        .push(" as stored on ")
        .append(Sql::join(" and ", same))
        .push(" where stored.rowid not in ")
        .append(Sql::row_ids(proposed.rows.unwrap_or_default()))
        .push(")")
}

/// The values by which `key`, a foreign key of `child`, refers to one of the rows.
pub fn still_referenced(proposed: Proposed<'_>, child: &'static Table, key: &ForeignKey) -> Sql {
    let foreign = key.foreign_columns.iter().map(|name| Sql::new("parent.").name(name));
    Sql::new("select ")
        .append(Sql::join(", ", foreign))
        .append(references(proposed, child, key))
        .push(" limit 1")
}

/// The row ids of `child` that refer to one of the rows.
pub fn referring_rows(proposed: Proposed<'_>, child: &'static Table, key: &ForeignKey) -> Sql {
    Sql::new("select child.rowid").append(references(proposed, child, key)).push(" limit 1000")
}

/// ` from "messages" as child join "chats" as parent on … where …`
fn references(proposed: Proposed<'_>, child: &'static Table, key: &ForeignKey) -> Sql {
    let same = key.columns.iter().zip(key.foreign_columns);
    let same =
        same.map(|(own, foreign)| Sql::new("child.").name(own).push(" = parent.").name(foreign));
    Sql::new(" from ")
        .name(child.name)
        .push(" as child join ")
        .name(proposed.table.name)
        .push(" as parent on ")
        .append(Sql::join(" and ", same))
        .push(" where parent.rowid in ")
        .append(Sql::row_ids(proposed.rows.unwrap_or_default()))
}

impl Proposed<'_> {
    /// `select exists (select 1 from (…) as "chats" where condition)`
    fn exists(self, condition: Sql) -> Sql {
        Sql::new("select exists (select 1 from ")
            .append(self.to_sql())
            .push(" as ")
            .name(self.table.name)
            .push(" where ")
            .append(condition)
            .push(")")
    }

    /// `(select ? as "id", "title", … from "chats" where …)`
    fn to_sql(self) -> Sql {
        let is_generated = |column: &&Column| matches!(column.generated, Generated::Stored(_));
        let columns = self.table.stored_columns().filter(|column| !is_generated(column));
        let columns = columns.map(|column| {
            match self.values.iter().find(|(given, _)| given.name == column.name) {
                Some((_, value)) => Sql::bound(value.clone()).push(" as ").name(column.name),
                None => Sql::default().name(column.name),
            }
        });
        let sql = Sql::new("(select ").append(Sql::join(", ", columns));
        let sql = match self.rows {
            Some(rows) => sql
                .push(" from ")
                .name(self.table.name)
                .push(" where rowid in ")
                .append(Sql::row_ids(rows))
                .push(")"),
            None => sql.push(")"),
        };
        // Their expressions read the new values.
        let generated = self.table.stored_columns().filter_map(|column| match column.generated {
            Generated::Stored(expression) => Some((column.name, expression.sql()?)),
            _ => None,
        });
        let generated: Vec<_> = generated
            .map(|(name, expression)| Sql::new(", ").push(expression).push(" as ").name(name))
            .collect();
        if generated.is_empty() {
            return sql;
        }
        Sql::new("(select *").append(Sql::join("", generated)).push(" from ").append(sql).push(")")
    }

    /// Every column of the first row that a check is false of, or of the first row.
    pub fn values(self, check: Option<&'static str>) -> Sql {
        let names = self.table.stored_columns().map(|column| Sql::default().name(column.name));
        let sql = Sql::new("select ")
            .append(Sql::join(", ", names))
            .push(" from ")
            .append(self.to_sql())
            .push(" as ")
            .name(self.table.name);
        let sql = match check {
            Some(check) => sql.push(" where not (").push(check).push(")"),
            None => sql,
        };
        sql.push(" limit 1")
    }
}
