//! The constraints of a table.

use sqlparser::ast::Expr;

use super::super::catalogue::*;
use super::super::ddl;
use super::super::expression::{Translator, row_expression};
use super::super::not_understood::{Result, not_understood};
use super::super::parse::fold;
use super::super::statement::{ActionDef, IndexKey};
use super::super::types::leak;
use crate::schema::{Action, Check, ForeignKey, PgType, Unique};

pub(super) fn unique(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Unique>> {
    let mut unique: Vec<Unique> = Vec::new();
    for constraint in &state.constraints {
        let (columns, is_primary) = match &constraint.kind {
            ConstraintStateKind::PrimaryKey(columns) => (columns, true),
            ConstraintStateKind::Unique { columns, .. } => (columns, false),
            _ => continue,
        };
        let columns = leaked_names(state, columns);
        let made = Unique {
            name: leak(&constraint.name),
            columns,
            is_primary,
            is_constraint: true,
            predicate: None,
        };
        unique.insert(if is_primary { 0 } else { unique.len() }, made);
    }
    for index in state.indexes.iter().filter(|index| index.unique) {
        let column = |key: &IndexKey| match &key.expr {
            Expr::Identifier(ident) => {
                let name = fold(&ident.value, ident.quote_style);
                let id = index.names.columns.iter().find(|(known, _)| *known == name)?.1;
                state.column_by_id(id).map(|column| leak(&column.name))
            }
            _ => None,
        };
        let columns: Option<Vec<_>> = index.keys.iter().map(column).collect();
        let predicate = index.predicate.as_ref();
        let predicate =
            predicate.map(|bound| row_expression(catalogue, state, bound, None, PgType::Boolean));
        unique.push(Unique {
            name: leak(&index.name),
            columns: columns.unwrap_or_default().leak(),
            is_primary: false,
            is_constraint: false,
            predicate: predicate.transpose()?,
        });
    }
    Ok(unique)
}

pub(super) fn foreign_keys(catalogue: &Catalogue, state: &TableState) -> Result<Vec<ForeignKey>> {
    let mut keys = Vec::new();
    for constraint in &state.constraints {
        let ConstraintStateKind::ForeignKey { columns, target, on_delete, on_update } =
            &constraint.kind
        else {
            continue;
        };
        let (references, foreign_columns): (&'static str, &'static [&'static str]) = match target {
            Target::Users => ("auth.users", &["id"]),
            Target::Table { table, columns } => {
                let Some(parent) = catalogue.table_by_id(*table) else {
                    return not_understood("a foreign key refers to a table that is gone");
                };
                (leak(&parent.sqlite_name()), leaked_names(parent, columns))
            }
        };
        keys.push(ForeignKey {
            name: leak(&constraint.name),
            columns: leaked_names(state, columns),
            references,
            foreign_columns,
            on_delete: action(on_delete),
            on_update: action(on_update),
        });
    }
    Ok(keys)
}

fn action(action: &ActionDef) -> Action {
    let leaked = |columns: &[String]| {
        let columns: Vec<_> = columns.iter().map(|column| leak(column)).collect();
        &*columns.leak()
    };
    match action {
        ActionDef::NoAction => Action::NoAction,
        ActionDef::Restrict => Action::Restrict,
        ActionDef::Cascade => Action::Cascade,
        ActionDef::SetNull(columns) => Action::SetNull(leaked(columns)),
        ActionDef::SetDefault(columns) => Action::SetDefault(leaked(columns)),
    }
}

pub(super) fn checks(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for column in &state.columns {
        let Some(domain) = catalogue.resolve(&column.data_type)?.domain else { continue };
        for (name, expr) in &domain.checks {
            let sql = ddl::domain_check(catalogue, column, expr)?;
            let expression = Translator::new(catalogue).finish(&sql, &expr.to_string());
            checks.push(Check {
                name: leak(name),
                domain: Some(leak(&domain.name.name)),
                expression,
            });
        }
    }
    let mut own = Vec::new();
    for constraint in &state.constraints {
        if let ConstraintStateKind::Check(bound) = &constraint.kind {
            let expression = row_expression(catalogue, state, bound, None, PgType::Boolean)?;
            own.push(Check { name: leak(&constraint.name), domain: None, expression });
        }
    }
    own.sort_by_key(|check| check.name);
    checks.extend(own);
    Ok(checks)
}

pub(super) fn leaked_names(table: &TableState, ids: &[Id]) -> &'static [&'static str] {
    let names: Vec<_> = table.names_of(ids).into_iter().map(leak).collect();
    names.leak()
}
