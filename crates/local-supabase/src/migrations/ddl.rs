//! Tables in SQLite: what `create table` says there.

use super::catalogue::*;
use super::expression::{Translator, quote};
use super::not_understood::{Result, not_understood};
use super::read::sequence_of;
use super::statement::ActionDef;
use super::triggers::SqliteTrigger;
use crate::schema::PgType;

/// A table as SQLite is to have it.
#[derive(Clone, Debug)]
pub struct SqliteTable {
    pub id: Id,
    pub name: String,
    /// `create table`
    pub create: String,
    /// The columns that can be written: ids, names and types.
    pub columns: Vec<(Id, String, PgType)>,
    /// By name.
    pub indexes: Vec<(String, String)>,
    pub triggers: Vec<SqliteTrigger>,
}

/// Names that the tables of every project have.
const RESERVED: &[&str] = &[
    "auth_users",
    "auth_identities",
    "auth_sessions",
    "auth_refresh_tokens",
    "storage_buckets",
    "storage_objects",
    "local_sequences",
    "local_migrations",
    "local_tables",
    "local_state",
];

/// The table, without the triggers that the migrations make.
pub fn table(catalogue: &Catalogue, table: &TableState) -> Result<SqliteTable> {
    let name = table.sqlite_name();
    let lower = name.to_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("sqlite_") {
        return not_understood(format!("the local Supabase needs the name {name} itself"));
    }
    if table.columns.is_empty() {
        return not_understood("a table needs a column");
    }
    let mut parts = Vec::new();
    let mut columns = Vec::new();
    for column in &table.columns {
        let pg_type = catalogue.resolve(&column.data_type)?.pg_type;
        if pg_type == PgType::Interval {
            return not_understood("columns of type interval are not implemented");
        }
        parts.push(self::column(catalogue, table, column, pg_type)?);
        if !matches!(column.generated, Some(GeneratedState::Stored(_))) {
            columns.push((column.id, column.name.clone(), pg_type));
        }
    }
    for constraint in &table.constraints {
        parts.extend(self::constraint(catalogue, table, constraint)?);
    }
    parts.extend(checks(catalogue, table)?);
    let create = format!("create table {} (\n  {}\n) strict", quote(&name), parts.join(",\n  "));
    let indexes = table
        .indexes
        .iter()
        .map(|index| Ok((index.name.clone(), self::index(catalogue, table, index)?)))
        .collect::<Result<_>>()?;
    let triggers = table.constraints.iter().filter_map(|c| set_null(catalogue, table, c)).collect();
    Ok(SqliteTable { id: table.id, name, create, columns, indexes, triggers })
}

fn column(
    catalogue: &Catalogue,
    table: &TableState,
    column: &ColumnState,
    pg_type: PgType,
) -> Result<String> {
    let mut sql = format!("{} {}", quote(&column.name), pg_type.storage().name());
    let domain = catalogue.resolve(&column.data_type)?.domain;
    if table.is_required(column) || domain.is_some_and(|domain| domain.not_null) {
        sql.push_str(" not null");
    }
    if let Some(GeneratedState::Stored(bound)) = &column.generated {
        let value = plain(catalogue, table, bound, pg_type)?;
        sql.push_str(&format!(" generated always as ({value}) stored"));
    } else if let Some(value) = default(catalogue, column, pg_type)? {
        sql.push_str(&format!(" default ({value})"));
    }
    Ok(sql)
}

/// The default, as far as SQLite can know it.
fn default(catalogue: &Catalogue, column: &ColumnState, pg_type: PgType) -> Result<Option<String>> {
    let domain = catalogue.resolve(&column.data_type)?.domain;
    let expr = match (&column.default, domain) {
        (Some(bound), _) => &bound.written.expr,
        (None, Some(domain)) => match &domain.default {
            Some(expr) => expr,
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    if sequence_of(expr).is_some() {
        return Ok(None);
    }
    let sql = Translator::new(catalogue).assigned(expr, pg_type)?;
    let is_plain = !sql.contains('\u{1}') && !sql.contains("select ");
    Ok(is_plain.then_some(sql))
}

/// An expression about the row alone.
fn plain(
    catalogue: &Catalogue,
    table: &TableState,
    bound: &Bound,
    pg_type: PgType,
) -> Result<String> {
    let mut translator = Translator::for_row(catalogue, table, &bound.names, None)?;
    let sql = if pg_type == PgType::Boolean {
        translator.condition(&bound.written.expr)?
    } else {
        translator.assigned(&bound.written.expr, pg_type)?
    };
    if sql.contains('\u{1}') || sql.contains("select ") {
        return not_understood("it reads other rows");
    }
    Ok(sql)
}

fn names(table: &TableState, ids: &[Id]) -> String {
    let names: Vec<_> = table.names_of(ids).into_iter().map(quote).collect();
    names.join(", ")
}

fn constraint(
    catalogue: &Catalogue,
    table: &TableState,
    constraint: &ConstraintState,
) -> Result<Option<String>> {
    let name = quote(&constraint.name);
    Ok(match &constraint.kind {
        ConstraintStateKind::PrimaryKey(columns) => {
            Some(format!("constraint {name} primary key ({})", names(table, columns)))
        }
        ConstraintStateKind::Unique { nulls_not_distinct: true, .. } => {
            return not_understood(format!("nulls not distinct of {}", constraint.name));
        }
        ConstraintStateKind::Unique { columns, .. } => {
            Some(format!("constraint {name} unique ({})", names(table, columns)))
        }
        ConstraintStateKind::ForeignKey { columns, target, on_delete, on_update } => {
            let (parent, foreign) = parent(catalogue, target)?;
            let delete = action("delete", on_delete, table, columns, &constraint.name)?;
            let update = action("update", on_update, table, columns, &constraint.name)?;
            Some(format!(
                "constraint {name} foreign key ({}) references {} ({foreign}){delete}{update}",
                names(table, columns),
                quote(&parent)
            ))
        }
        ConstraintStateKind::Check(_) => None,
    })
}

/// The referenced table and its columns.
fn parent(catalogue: &Catalogue, target: &Target) -> Result<(String, String)> {
    match target {
        Target::Users => Ok(("auth_users".to_owned(), "\"id\"".to_owned())),
        Target::Table { table, columns } => match catalogue.table_by_id(*table) {
            Some(parent) if parent.problems.is_empty() => {
                Ok((parent.sqlite_name(), names(parent, columns)))
            }
            Some(parent) => {
                not_understood(format!("the table {} is not available", parent.name.name))
            }
            None => not_understood("a foreign key refers to a table that is gone"),
        },
    }
}

/// SQLite clears all columns of a key or none; a trigger clears some.
fn action(
    event: &str,
    action: &ActionDef,
    table: &TableState,
    own: &[Id],
    key: &str,
) -> Result<String> {
    let own = table.names_of(own);
    let word = match action {
        ActionDef::NoAction => return Ok(String::new()),
        ActionDef::Restrict => "restrict",
        ActionDef::Cascade => "cascade",
        ActionDef::SetNull(columns) if *columns == own => "set null",
        ActionDef::SetDefault(columns) if *columns == own => "set default",
        ActionDef::SetNull(_) if event == "delete" => return Ok(String::new()),
        _ => return not_understood(format!("on {event} of {key} is not implemented")),
    };
    Ok(format!(" on {event} {word}"))
}

/// `on delete set null (column)` as a trigger of the referenced table.
fn set_null(
    catalogue: &Catalogue,
    table: &TableState,
    constraint: &ConstraintState,
) -> Option<SqliteTrigger> {
    let ConstraintStateKind::ForeignKey {
        columns,
        target,
        on_delete: ActionDef::SetNull(cleared),
        ..
    } = &constraint.kind
    else {
        return None;
    };
    let own = table.names_of(columns);
    if *cleared == own {
        return None;
    }
    let (parent, foreign) = match target {
        Target::Users => ("auth_users".to_owned(), vec!["id"]),
        Target::Table { table, columns } => {
            let parent = catalogue.table_by_id(*table)?;
            (parent.sqlite_name(), parent.names_of(columns))
        }
    };
    let set: Vec<_> = cleared.iter().map(|column| format!("{} = null", quote(column))).collect();
    let refers: Vec<_> = own
        .iter()
        .zip(foreign)
        .map(|(own, foreign)| format!("{} = old.{}", quote(own), quote(foreign)))
        .collect();
    let child = table.sqlite_name();
    let name = format!("{child}.{}", constraint.name);
    let sql = format!(
        "create trigger {} before delete on {} begin update {} set {} where {}; end",
        quote(&name),
        quote(&parent),
        quote(&child),
        set.join(", "),
        refers.join(" and ")
    );
    Some(SqliteTrigger { name, sql })
}

/// Those of domains first, then those of the table by name, as PostgreSQL tries them.
fn checks(catalogue: &Catalogue, table: &TableState) -> Result<Vec<String>> {
    let mut checks = Vec::new();
    for column in &table.columns {
        let Some(domain) = catalogue.resolve(&column.data_type)?.domain else { continue };
        for (name, expr) in &domain.checks {
            let sql = domain_check(catalogue, column, expr)?;
            checks.push(format!("constraint {} check ({sql})", quote(name)));
        }
    }
    let mut own: Vec<_> = table
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            ConstraintStateKind::Check(bound) => Some((&constraint.name, bound)),
            _ => None,
        })
        .collect();
    own.sort_by_key(|(name, _)| *name);
    for (name, bound) in own {
        let sql = plain(catalogue, table, bound, PgType::Boolean)?;
        checks.push(format!("constraint {} check ({sql})", quote(name)));
    }
    Ok(checks)
}

/// A check of a domain, whose `value` is the column.
pub fn domain_check(
    catalogue: &Catalogue,
    column: &ColumnState,
    expr: &sqlparser::ast::Expr,
) -> Result<String> {
    use super::expression::{Relation, Value};
    let pg_type = catalogue.resolve(&column.data_type)?.pg_type;
    let value = ("value".to_owned(), Value::new(quote(&column.name), pg_type));
    let mut translator = Translator::new(catalogue);
    translator.scopes[0].relations.push(Relation { name: String::new(), columns: vec![value] });
    translator.condition(expr)
}

fn index(catalogue: &Catalogue, table: &TableState, index: &IndexState) -> Result<String> {
    if index.unique && index.nulls_not_distinct {
        return not_understood(format!("nulls not distinct of {}", index.name));
    }
    let mut translator = Translator::for_row(catalogue, table, &index.names, None)?;
    let mut keys = Vec::new();
    for key in &index.keys {
        let value = translator.expr(&key.expr)?;
        keys.push(format!("{}{}", value.sql, if key.descending { " desc" } else { "" }));
    }
    // SQLite's indexes have keys only.
    if !index.unique {
        let names: std::collections::HashMap<_, _> =
            index.names.columns.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        let ids: Vec<Id> =
            index.include.iter().filter_map(|n| names.get(n.as_str()).copied()).collect();
        keys.extend(table.names_of(&ids).into_iter().map(quote));
    }
    let condition = match &index.predicate {
        Some(bound) => format!(" where {}", plain(catalogue, table, bound, PgType::Boolean)?),
        None => String::new(),
    };
    let unique = if index.unique { "unique " } else { "" };
    Ok(format!(
        "create {unique}index {} on {} ({}){condition}",
        quote(&index.name),
        quote(&table.sqlite_name()),
        keys.join(", ")
    ))
}
