//! The columns of the subqueries that PostgREST makes of a function call, a write or an embed.
//!
//! PostgREST puts the columns that the request names into a subquery, `pgrst_source`, and selects,
//! filters and orders its rows. These are anonymous records: PostgreSQL computes a column of them only if
//! they can be cast to the table's type.

use std::collections::BTreeSet;

use super::error::RestError;
use super::query::{Condition, Node, SelectItem};
use super::suggest;
use crate::schema::{PgType, Schema, Table};

/// Refuses a call whose query uses columns that its subquery does not have.
pub(super) fn check_call(
    schema: &Schema,
    table: &'static Table,
    node: &Node,
) -> Result<(), RestError> {
    let mut requested = selected(schema, table, node)?;
    if let Some(names) = &mut requested {
        filtered(node, names);
        for name in names.iter() {
            if !exists(table, name) {
                let columns = table.stored_columns().map(|column| column.name);
                let near = suggest::nearest_columns(name, columns);
                return Err(RestError::undefined_column("pgrst_call", name, &near));
            }
        }
    }
    let mut used = ordered(node);
    node.conditions.iter().for_each(|condition| fields(condition, &mut used));
    check(table, requested, &used)
}

/// The same for the rows that a write returns. Its filters apply to the table.
pub(super) fn check_write(
    schema: &Schema,
    table: &'static Table,
    node: &Node,
) -> Result<(), RestError> {
    let mut requested = selected(schema, table, node)?;
    if let Some(names) = &mut requested {
        names.extend(table.primary_key());
    }
    check(table, requested, &ordered(node))
}

/// Refuses to order rows by a column of an embedded row that is not selected there, because an embed is
/// a subquery as well.
pub(super) fn check_related_orders(
    schema: &Schema,
    table: &'static Table,
    node: &Node,
    depth: usize,
) -> Result<(), RestError> {
    for embed in node.embeds() {
        let relationship =
            schema.find_relationship(table, &embed.relation, embed.hint.as_deref())?;
        let terms = node.order.iter().filter(|t| t.relation.as_deref() == Some(embed.name()));
        let mut columns = terms.map(|term| term.field.name.as_str());
        let hidden = columns.find(|column| relationship.to_one && !shows(&embed.node, column));
        if let Some(column) = hidden {
            let relation = format!("{}_{}_{}", table.name, embed.name(), depth + 1);
            return Err(RestError::undefined_column(&relation, column, &[]));
        }
        check_related_orders(schema, relationship.table, &embed.node, depth + 1)?;
    }
    Ok(())
}

fn shows(node: &Node, column: &str) -> bool {
    node.select.iter().any(|item| match item {
        SelectItem::Star | SelectItem::Embed(_) => true,
        SelectItem::Field(field) => field.name() == column,
        SelectItem::Aggregate => false,
    })
}

/// The columns that `select` and its embeds need; `None` for all columns.
fn selected<'a>(
    schema: &Schema,
    table: &'static Table,
    node: &'a Node,
) -> Result<Option<BTreeSet<&'a str>>, RestError> {
    let mut names = BTreeSet::new();
    for item in &node.select {
        match item {
            SelectItem::Star => return Ok(None),
            SelectItem::Field(field) => {
                names.insert(field.field.name.as_str());
            }
            SelectItem::Embed(embed) => {
                let hint = embed.hint.as_deref();
                let relationship = schema.find_relationship(table, &embed.relation, hint)?;
                names.extend(relationship.columns.iter().map(|(own, _)| *own));
            }
            SelectItem::Aggregate => {}
        }
    }
    Ok((!names.is_empty()).then_some(names))
}

/// The columns of all filters, including those of embedded relations, as in PostgREST.
fn filtered<'a>(node: &'a Node, names: &mut BTreeSet<&'a str>) {
    node.conditions.iter().for_each(|condition| fields(condition, names));
    node.embeds().for_each(|embed| filtered(&embed.node, names));
}

fn fields<'a>(condition: &'a Condition, names: &mut BTreeSet<&'a str>) {
    match condition {
        Condition::Filter(filter) => {
            names.insert(&filter.field.name);
        }
        Condition::Logic { conditions, .. } => conditions.iter().for_each(|c| fields(c, names)),
    }
}

fn ordered(node: &Node) -> BTreeSet<&str> {
    let own = node.order.iter().filter(|term| term.relation.is_none());
    own.map(|term| term.field.name.as_str()).collect()
}

fn check(
    table: &'static Table,
    held: Option<BTreeSet<&str>>,
    used: &BTreeSet<&str>,
) -> Result<(), RestError> {
    // A row of all columns can be cast.
    let Some(held) = held else { return Ok(()) };
    for name in used.iter().filter(|name| !held.contains(**name)) {
        match table.column(name) {
            Some(column) if column.computed.is_some() => cast(table, &held)?,
            _ => {
                let near = suggest::nearest_columns(name, held.iter().copied());
                return Err(RestError::undefined_column(table.name, name, &near));
            }
        }
    }
    Ok(())
}

/// Casts a record of these columns to the table's type, column by column.
fn cast(table: &'static Table, held: &BTreeSet<&str>) -> Result<(), RestError> {
    let mut held = held.iter().filter_map(|name| table.column(name));
    for (index, to) in table.stored_columns().enumerate() {
        let reason = match held.next() {
            None => "Input has too few columns.".to_owned(),
            Some(from) if from.pg_type == to.pg_type || widens(from.pg_type, to.pg_type) => {
                continue;
            }
            Some(from) => format!(
                "Cannot cast type {} to {} in column {}.",
                from.pg_type.name(),
                to.pg_type.name(),
                index + 1
            ),
        };
        return Err(RestError::record_cast(table.name).details(reason));
    }
    match held.next() {
        None => Ok(()),
        Some(_) => Err(RestError::record_cast(table.name).details("Input has too many columns.")),
    }
}

/// Whether PostgreSQL casts numbers from one type to the other implicitly.
fn widens(from: PgType, to: PgType) -> bool {
    use PgType::{Bigint, Integer, Numeric};
    matches!((from, to), (Integer, Bigint) | (Integer | Bigint, Numeric(_)))
}

/// `count` without a column of that name is an aggregate.
fn exists(table: &Table, name: &str) -> bool {
    table.column(name).is_some() || name == "count"
}
