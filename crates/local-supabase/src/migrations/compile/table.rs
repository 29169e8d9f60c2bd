//! A table that is served, with its columns.

use sqlparser::ast::{DataType, Expr, SelectItem, SetExpr, Value as Constant};

use super::super::catalogue::*;
use super::super::expression::inline::{Body, body};
use super::super::expression::nullable::is_never_null;
use super::super::expression::{Translator, quote, relation, row_expression};
use super::super::not_understood::{Result, not_understood};
use super::super::read::sequence_of;
use super::super::statement::{Returns, Written};
use super::super::types::{leak, object_name};
use super::access::{grants, policies};
use super::constraints::{checks, foreign_keys, unique};
use crate::schema::{Column, Default, Expression, Fragment, Generated, Granted, PgType, Table};

pub(super) fn table(
    catalogue: &Catalogue,
    state: &TableState,
    notices: &mut Vec<Notice>,
) -> Result<Table> {
    let mut columns: Vec<Column> =
        state.columns.iter().map(|c| column(catalogue, state, c)).collect::<Result<_>>()?;
    for function in &catalogue.functions {
        if computed_of(catalogue, function).is_some_and(|table| table.id == state.id) {
            match computed(catalogue, state, function) {
                Ok(column) => columns.push(column),
                Err(error) => notices.push(Notice {
                    file: function.file.clone(),
                    line: function.line,
                    statement: function.head.clone(),
                    message: format!(
                        "{error}; the computed column {} is not available",
                        function.def.name.name
                    ),
                }),
            }
        }
    }
    Ok(Table {
        name: leak(&state.name.name),
        columns: columns.leak(),
        unique: unique(catalogue, state)?.leak(),
        foreign_keys: foreign_keys(catalogue, state)?.leak(),
        checks: checks(catalogue, state)?.leak(),
        has_row_security: state.row_security,
        policies: if state.row_security { policies(catalogue, state)?.leak() } else { &[] },
        grants: grants(catalogue, state),
        refused: &[],
        comment: state.comment.as_deref().map(leak),
    })
}

pub(super) fn column(
    catalogue: &Catalogue,
    state: &TableState,
    column: &ColumnState,
) -> Result<Column> {
    let resolved = catalogue.resolve(&column.data_type)?;
    let required =
        state.is_required(column) || resolved.domain.is_some_and(|domain| domain.not_null);
    let pg_type = resolved.pg_type;
    let of_domain = resolved.domain.and_then(|domain| domain.default.as_ref()).map(|expr| Bound {
        written: Written { expr: Box::new(expr.clone()), text: expr.to_string() },
        names: state.names(),
    });
    let bound = column.default.as_ref().or(of_domain.as_ref());
    let mut default =
        bound.map_or(Ok(Default::None), |bound| self::default(catalogue, bound, pg_type))?;
    let generated = match &column.generated {
        None => Generated::No,
        Some(GeneratedState::Stored(bound)) => {
            Generated::Stored(row_expression(catalogue, state, bound, None, pg_type)?)
        }
        Some(GeneratedState::Identity { always, sequence }) => {
            default = Default::Sequence(leak(sequence));
            if *always { Generated::AlwaysIdentity } else { Generated::DefaultIdentity }
        }
        Some(GeneratedState::Serial { sequence }) => {
            default = Default::Sequence(leak(sequence));
            Generated::DefaultIdentity
        }
    };
    Ok(Column {
        name: leak(&column.name),
        pg_type,
        nullable: !required,
        default,
        generated,
        computed: None,
        comment: column.comment.as_deref().map(leak),
    })
}

fn default(catalogue: &Catalogue, bound: &Bound, pg_type: PgType) -> Result<Default> {
    if let Some(sequence) = sequence_of(&bound.written.expr) {
        if !catalogue.sequences.iter().any(|known| known.name == sequence) {
            return not_understood(format!("there is no sequence {sequence}"));
        }
        return Ok(Default::Sequence(leak(&sequence)));
    }
    let mut translator = Translator::new(catalogue);
    let sql = translator.assigned(&bound.written.expr, pg_type)?;
    if sql == "null" {
        return Ok(Default::None);
    }
    Ok(match literal(&bound.written.expr) {
        Some(text) => Default::Literal(leak(&text)),
        None => Default::Expression(translator.finish(&sql, &bound.written.text)),
    })
}

/// The text of a constant, cast or not.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Constant::SingleQuotedString(text) => Some(text.clone()),
            Constant::Number(number, _) => Some(number.clone()),
            Constant::Boolean(value) => Some(value.to_string()),
            _ => None,
        },
        Expr::Cast { expr, .. } => match &**expr {
            Expr::Value(value) => match &value.value {
                Constant::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A function of one row whose body is an expression.
fn computed(catalogue: &Catalogue, state: &TableState, function: &FunctionState) -> Result<Column> {
    let grants = grants(catalogue, state);
    let readers = [
        ("anon", grants.anon),
        ("authenticated", grants.authenticated),
        ("service_role", grants.service_role),
    ];
    let may_execute =
        |role: &str| ["public", role].iter().any(|role| function.executors.contains(*role));
    if readers
        .iter()
        .any(|(role, granted)| granted.select != Granted::Nothing && !may_execute(role))
    {
        return not_understood("not every role that reads the table may execute it");
    }
    let Returns::Type(returns) = &function.def.returns else {
        return not_understood("it returns rows");
    };
    let pg_type = catalogue.resolve(returns)?.pg_type;
    if let Some(words) = function.registration.and_then(|registration| registration.computed) {
        let sqlite = vec![Fragment::Sql(words)].leak();
        let postgres = leak(&function.head);
        return Ok(Column {
            name: leak(&function.def.name.name),
            pg_type,
            nullable: true,
            default: Default::None,
            generated: Generated::No,
            computed: Some(Expression { postgres, sqlite, has_subselect: false }),
            comment: None,
        });
    }
    let body = body(&function.def)?;
    let expr = match &body {
        Body::Expr(expr) => expr,
        Body::Steps { .. } => return not_understood("its body is not one expression"),
        Body::Query(query) => match &*query.body {
            SetExpr::Select(select) if select.from.is_empty() && select.selection.is_none() => {
                match &select.projection[..] {
                    [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => {
                        expr
                    }
                    _ => return not_understood("its body is not one expression"),
                }
            }
            _ => return not_understood("its body is not one expression"),
        },
    };
    let names = state.names();
    let prefix = quote(&state.sqlite_name());
    let mut translator = Translator::new(catalogue);
    let mut row = relation(catalogue, state, &names, Some(&prefix))?;
    if let Some(name) = &function.def.parameters[0].name {
        row.name.clone_from(name);
    }
    translator.scopes[0].relations.push(row);
    translator.sees_all = function.def.security_definer;
    let sql = translator.typed(expr, pg_type)?;
    let text = expr.to_string();
    Ok(Column {
        name: leak(&function.def.name.name),
        pg_type,
        nullable: !is_never_null(expr, state, &names),
        default: Default::None,
        generated: Generated::No,
        computed: Some(translator.finish(&format!("({sql})"), &text)),
        comment: None,
    })
}

/// The table that a function shows a column of.
pub(super) fn computed_of<'c>(
    catalogue: &'c Catalogue,
    function: &FunctionState,
) -> Option<&'c TableState> {
    let [parameter] = &function.def.parameters[..] else { return None };
    let DataType::Custom(name, _) = &parameter.data_type else { return None };
    let is_value = matches!(function.def.returns, Returns::Type(_));
    let is_public = function.def.name.schema == "public";
    catalogue.table(&object_name(name).ok()?).filter(|_| is_value && is_public)
}
