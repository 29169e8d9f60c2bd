//! Whether an expression can be null.

use sqlparser::ast::{Expr, Function, Value as Constant};

use crate::migrations::catalogue::{Names, TableState};
use crate::migrations::parse::fold;

/// Whether it never is, of a row of the table.
pub fn is_never_null(expr: &Expr, table: &TableState, names: &Names) -> bool {
    Known { table, names, columns: Vec::new() }.is_never_null(expr)
}

struct Known<'a> {
    table: &'a TableState,
    names: &'a Names,
    /// Columns that are not null where the expression stands.
    columns: Vec<String>,
}

impl Known<'_> {
    fn is_never_null(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) => self.is_never_null(inner),
            Expr::Value(value) => !matches!(value.value, Constant::Null | Constant::Placeholder(_)),
            Expr::Case { operand: None, conditions, else_result: Some(otherwise), .. } => {
                let mut known = Known { columns: self.columns.clone(), ..*self };
                for when in conditions {
                    if !known.is_never_null(&when.result) {
                        return false;
                    }
                    if let Expr::IsNull(tested) = &when.condition {
                        known.columns.extend(column(tested));
                    }
                }
                known.is_never_null(otherwise)
            }
            Expr::Function(function) => self.is_never_null_call(function),
            other => column(other).is_some_and(|name| self.is_required(&name)),
        }
    }

    fn is_never_null_call(&self, function: &Function) -> bool {
        let name = function.name.to_string().to_lowercase();
        let arguments = super::call::arguments(function).unwrap_or_default();
        match name.as_str() {
            "coalesce" => arguments.iter().any(|argument| self.is_never_null(argument)),
            "now" | "clock_timestamp" | "gen_random_uuid" => true,
            _ => false,
        }
    }

    fn is_required(&self, name: &String) -> bool {
        let id = self.names.columns.iter().find(|(known, _)| known == name).map(|(_, id)| *id);
        let column = id.and_then(|id| self.table.column_by_id(id));
        self.columns.contains(name) || column.is_some_and(|column| self.table.is_required(column))
    }
}

/// The name of a column of the row.
fn column(expr: &Expr) -> Option<String> {
    use sqlparser::ast::AccessExpr;
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        Expr::CompoundFieldAccess { access_chain, .. } => match &access_chain[..] {
            [AccessExpr::Dot(Expr::Identifier(ident))] => ident,
            _ => return None,
        },
        Expr::Nested(inner) => return column(inner),
        _ => return None,
    };
    Some(fold(&ident.value, ident.quote_style))
}
