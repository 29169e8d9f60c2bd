//! `insert`, `update` and `delete` of migrations and triggers, in SQLite's words.

use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, Expr, FromTable, Insert,
    OnConflictAction, OnInsert, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
    Update,
};

use super::catalogue::{Catalogue, GeneratedState, TableState};
use super::expression::{Relation, Translator, Value, quote, relation};
use super::not_understood::{Result, not_understood};
use super::parse::fold;
use super::read::sequence_of;
use super::statement::Name;
use super::types::{array_of, object_name};
use crate::schema::PgType;

/// A table that statements change.
struct Target<'a> {
    sqlite: String,
    relation: Relation,
    /// It has the defaults that SQLite does not know.
    state: Option<&'a TableState>,
}

/// The statements of SQLite that do what a statement does.
pub fn translate(translator: &mut Translator<'_>, statement: &Statement) -> Result<Vec<String>> {
    translator.sees_all = true;
    match statement {
        Statement::Insert(insert) => insert_rows(translator, insert),
        Statement::Update(update) => update_rows(translator, update),
        Statement::Delete(delete) => delete_rows(translator, delete),
        _ => not_understood("only insert, update and delete are known"),
    }
}

fn target<'a>(catalogue: &'a Catalogue, name: &Name) -> Result<Target<'a>> {
    if (name.schema.as_str(), name.name.as_str()) == ("storage", "buckets") {
        return Ok(Target {
            sqlite: "storage_buckets".to_owned(),
            relation: buckets(),
            state: None,
        });
    }
    let Some(state) = catalogue.table(name).filter(|table| table.problems.is_empty()) else {
        return not_understood(format!("there is no table {}.{}", name.schema, name.name));
    };
    let relation = relation(catalogue, state, &state.names(), None)?;
    Ok(Target { sqlite: state.sqlite_name(), relation, state: Some(state) })
}

fn buckets() -> Relation {
    let columns = [
        ("id", PgType::Text),
        ("name", PgType::Text),
        ("public", PgType::Boolean),
        ("file_size_limit", PgType::Bigint),
        ("allowed_mime_types", array_of(PgType::Text)),
    ];
    let columns =
        columns.map(|(name, pg_type)| (name.to_owned(), Value::new(quote(name), pg_type)));
    Relation { name: "buckets".to_owned(), columns: columns.into() }
}

fn insert_rows(translator: &mut Translator<'_>, insert: &Insert) -> Result<Vec<String>> {
    let TableObject::TableName(name) = &insert.table else {
        return not_understood("insert into a query");
    };
    let target = target(translator.catalogue, &object_name(name)?)?;
    let columns: Vec<String> = match &insert.columns[..] {
        [] => target.relation.columns.iter().map(|(name, _)| name.clone()).collect(),
        columns => columns.iter().map(|name| Ok(object_name(name)?.name)).collect::<Result<_>>()?,
    };
    let is_plain =
        insert.returning.is_none() && insert.assignments.is_empty() && insert.table_alias.is_none();
    let Some(source) = insert.source.as_ref().filter(|_| is_plain) else {
        return not_understood("this form of insert is not implemented");
    };
    let conflict = conflict(translator, insert.on.as_ref(), &target)?;
    let SetExpr::Values(values) = &*source.body else {
        return not_understood("insert of a select is not implemented");
    };
    let mut statements = Vec::new();
    for row in &values.rows {
        insert_row(translator, &target, &columns, &row.content, &conflict, &mut statements)?;
    }
    Ok(statements)
}

fn insert_row(
    translator: &mut Translator<'_>,
    target: &Target<'_>,
    columns: &[String],
    row: &[Expr],
    conflict: &str,
    statements: &mut Vec<String>,
) -> Result<()> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, expr) in columns.iter().zip(row) {
        if is_default(expr) {
            continue;
        }
        let pg_type = column_type(target, name)?;
        names.push(name.clone());
        values.push(translator.assigned(expr, pg_type)?);
    }
    for (name, sequence) in target.state.map(sequences).unwrap_or_default() {
        if !names.contains(&name) {
            let sequence = sequence.replace('\'', "''");
            statements.push(format!(
                "update local_sequences set last_value = last_value + increment where name = '{sequence}'"
            ));
            names.push(name);
            values.push(format!(
                "(select last_value from local_sequences where name = '{sequence}')"
            ));
        }
    }
    let names: Vec<_> = names.iter().map(|name| quote(name)).collect();
    let rows = match names.len() {
        0 => " default values".to_owned(),
        _ => format!(" ({}) values ({})", names.join(", "), values.join(", ")),
    };
    statements.push(format!("insert into {}{rows}{conflict}", quote(&target.sqlite)));
    Ok(())
}

fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

fn column_type(target: &Target<'_>, name: &str) -> Result<PgType> {
    let found = target.relation.columns.iter().find(|(known, _)| known == name);
    match found.map(|(_, value)| &value.kind) {
        Some(super::expression::Kind::Of(pg_type)) => Ok(*pg_type),
        _ => not_understood(format!("there is no column {name}")),
    }
}

/// Columns that take their numbers from sequences.
fn sequences(table: &TableState) -> Vec<(String, String)> {
    let sequence = |column: &super::catalogue::ColumnState| {
        let sequence = match &column.generated {
            Some(
                GeneratedState::Identity { sequence, .. } | GeneratedState::Serial { sequence },
            ) => Some(sequence.clone()),
            _ => column.default.as_ref().and_then(|bound| sequence_of(&bound.written.expr)),
        };
        Some((column.name.clone(), sequence?))
    };
    table.columns.iter().filter_map(sequence).collect()
}

fn conflict(
    translator: &mut Translator<'_>,
    on: Option<&OnInsert>,
    target: &Target<'_>,
) -> Result<String> {
    let conflict = match on {
        None => return Ok(String::new()),
        Some(OnInsert::OnConflict(conflict)) => conflict,
        Some(_) => return not_understood("on duplicate key is not PostgreSQL's"),
    };
    let columns = match &conflict.conflict_target {
        None => String::new(),
        Some(ConflictTarget::Columns { columns, predicate: None }) => {
            let names: Vec<_> =
                columns.iter().map(|c| quote(&fold(&c.value, c.quote_style))).collect();
            format!(" ({})", names.join(", "))
        }
        Some(_) => return not_understood("on conflict of anything but columns"),
    };
    match &conflict.action {
        OnConflictAction::DoNothing => Ok(format!(" on conflict{columns} do nothing")),
        OnConflictAction::DoUpdate(update) if update.selection.is_none() => {
            let mut excluded = target.relation.clone();
            excluded.name = "excluded".to_owned();
            for (name, value) in &mut excluded.columns {
                value.sql = format!("excluded.{}", quote(name));
            }
            translator.scopes.push(super::expression::Scope {
                relations: vec![excluded],
                parameters: Vec::new(),
            });
            let set = assignments(translator, &update.assignments, target);
            translator.scopes.pop();
            Ok(format!(" on conflict{columns} do update set {}", set?))
        }
        OnConflictAction::DoUpdate(_) => not_understood("a condition of on conflict"),
    }
}

fn assignments(
    translator: &mut Translator<'_>,
    all: &[Assignment],
    target: &Target<'_>,
) -> Result<String> {
    let set = |assignment: &Assignment| {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return not_understood("assignments to several columns at once");
        };
        let name = object_name(name)?.name;
        let value = translator.assigned(&assignment.value, column_type(target, &name)?)?;
        Ok(format!("{} = {value}", quote(&name)))
    };
    let set: Vec<_> = all.iter().map(set).collect::<Result<_>>()?;
    Ok(set.join(", "))
}

fn table_of<'a>(catalogue: &'a Catalogue, table: &TableWithJoins) -> Result<Target<'a>> {
    let TableFactor::Table { name, alias, .. } = &table.relation else {
        return not_understood("this form of table is not implemented");
    };
    if !table.joins.is_empty() {
        return not_understood("joins in a change are not implemented");
    }
    let mut target = target(catalogue, &object_name(name)?)?;
    if let Some(alias) = alias {
        target.relation.name = fold(&alias.name.value, alias.name.quote_style);
    }
    for (name, value) in &mut target.relation.columns {
        value.sql = format!("{}.{}", quote(&target.sqlite), quote(name));
    }
    Ok(target)
}

fn update_rows(translator: &mut Translator<'_>, update: &Update) -> Result<Vec<String>> {
    if update.from.is_some() || update.returning.is_some() {
        return not_understood("update from is not implemented");
    }
    let target = table_of(translator.catalogue, &update.table)?;
    translator.scopes.push(super::expression::Scope {
        relations: vec![target.relation.clone()],
        parameters: Vec::new(),
    });
    let set = assignments(translator, &update.assignments, &target)?;
    let condition = condition(translator, update.selection.as_ref())?;
    translator.scopes.pop();
    Ok(vec![format!("update {} set {set}{condition}", quote(&target.sqlite))])
}

fn delete_rows(translator: &mut Translator<'_>, delete: &Delete) -> Result<Vec<String>> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let ([table], None, None) = (&from[..], &delete.using, &delete.returning) else {
        return not_understood("this form of delete is not implemented");
    };
    let target = table_of(translator.catalogue, table)?;
    translator.scopes.push(super::expression::Scope {
        relations: vec![target.relation.clone()],
        parameters: Vec::new(),
    });
    let condition = condition(translator, delete.selection.as_ref())?;
    translator.scopes.pop();
    Ok(vec![format!("delete from {}{condition}", quote(&target.sqlite))])
}

/// The same statement where a condition holds.
pub fn guarded(sql: &str, condition: &str) -> Result<String> {
    if condition.is_empty() {
        return Ok(sql.to_owned());
    }
    if let Some((head, values)) = sql.split_once(" values (") {
        if values.contains(" on conflict") {
            return not_understood("on conflict in a branch");
        }
        let values = values.strip_suffix(')').unwrap_or(values);
        return Ok(format!("{head} select {values} where {condition}"));
    }
    match sql.starts_with("insert") {
        true => not_understood("defaults alone in a branch"),
        false if sql.contains(" where ") => Ok(format!("{sql} and {condition}")),
        false => Ok(format!("{sql} where {condition}")),
    }
}

fn condition(translator: &mut Translator<'_>, selection: Option<&Expr>) -> Result<String> {
    match selection {
        Some(condition) => Ok(format!(" where {}", translator.condition(condition)?)),
        None => Ok(String::new()),
    }
}
