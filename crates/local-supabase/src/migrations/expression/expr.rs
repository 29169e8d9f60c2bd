//! Each form of expression.

use sqlparser::ast::{AccessExpr, Array, CaseWhen, Expr, InTarget, Value as Constant};

use super::translator::Translator;
use super::value::{Kind, Value, boolean, integer, text};
use super::{literal, operator, query};
use crate::migrations::catalogue::{Bound, Catalogue, TableState};
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::parse::fold;
use crate::migrations::types::array_of;
use crate::schema::{Expression, PgType};

impl Translator<'_> {
    pub fn expr(&mut self, expr: &Expr) -> Result<Value> {
        match expr {
            Expr::Identifier(ident) => self.column(&fold(&ident.value, ident.quote_style)),
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<_> = parts.iter().map(|p| fold(&p.value, p.quote_style)).collect();
                self.qualified(&parts)
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.field(root, access_chain),
            Expr::Nested(inner) => {
                let value = self.expr(inner)?;
                Ok(Value { sql: format!("({})", value.sql), ..value })
            }
            Expr::Value(value) => self.constant(&value.value),
            Expr::TypedString(string) => {
                let text = string.value.value.clone().into_string();
                let Some(text) = text else {
                    return not_understood(format!("{expr} is not known"));
                };
                let literal = Value { sql: String::new(), kind: Kind::Literal(text) };
                self.cast(literal, &string.data_type)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::IsNull(inner) => self.is_null(inner, "is null"),
            Expr::IsNotNull(inner) => self.is_null(inner, "is not null"),
            Expr::IsTrue(inner) => self.truth(inner, "is true"),
            Expr::IsNotTrue(inner) => self.truth(inner, "is not true"),
            Expr::IsFalse(inner) => self.truth(inner, "is false"),
            Expr::IsNotFalse(inner) => self.truth(inner, "is not false"),
            Expr::IsDistinctFrom(a, b) => self.compare(a, "is not", b),
            Expr::IsNotDistinctFrom(a, b) => self.compare(a, "is", b),
            Expr::Between { expr, negated, low, high } => self.between(expr, *negated, low, high),
            Expr::In { expr, target, negated, .. } => self.is_in(expr, target, *negated),
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like("pg_like", *negated, expr, pattern)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like("pg_ilike", *negated, expr, pattern)
            }
            Expr::AnyOp { left, compare_op, right, .. } => self.any(left, compare_op, right),
            Expr::AllOp { left, compare_op, right } => self.all(left, compare_op, right),
            Expr::Cast { expr, data_type, .. } => {
                let value = self.expr(expr)?;
                self.cast(value, data_type)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Exists { subquery, negated } => {
                self.has_subselect = true;
                let query = self.query(subquery, query::Projection::Rows)?;
                let not = if *negated { "not " } else { "" };
                Ok(boolean(&format!("{not}exists ({})", query.sql)))
            }
            Expr::Subquery(query) => {
                self.has_subselect = true;
                let is_single = query::is_single(query);
                let Value { sql, kind } = self.query(query, query::Projection::Value)?;
                // SQLite would take the first of several rows, which PostgreSQL refuses.
                let sql = match is_single {
                    true => format!("({sql})"),
                    false => format!(
                        "(with \"~\"(v) as ({sql}) select only_row(count(*), min(v)) from \"~\")"
                    ),
                };
                Ok(Value { sql, kind })
            }
            Expr::Interval(interval) => self.interval(interval),
            Expr::Array(Array { elem, .. }) => self.array(elem),
            Expr::Function(function) => self.call(function),
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(*trim_where, trim_what.as_deref(), expr, trim_characters.as_deref())
            }
            Expr::Position { expr, r#in } => {
                let (part, text) = (self.text(expr)?, self.text(r#in)?);
                Ok(integer(format!("instr({text}, {part})")))
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.text(expr)?, self.typed(from, PgType::Integer)?];
                if let Some(length) = substring_for {
                    arguments.push(self.typed(length, PgType::Integer)?);
                }
                Ok(text(format!("pg_substring({})", arguments.join(", "))))
            }
            Expr::Ceil { expr, .. } => self.rounded("ceil", expr),
            Expr::Floor { expr, .. } => self.rounded("floor", expr),
            Expr::Collate { expr, .. } => self.expr(expr),
            other => not_understood(format!("\"{other}\" is not known")),
        }
    }

    /// A condition.
    pub fn condition(&mut self, expr: &Expr) -> Result<String> {
        self.typed(expr, PgType::Boolean)
    }

    /// An expression as a value of a type, which it must be or become unasked.
    pub fn typed(&mut self, expr: &Expr, pg_type: PgType) -> Result<String> {
        let value = self.expr(expr)?;
        self.coerce(value, pg_type)
    }

    pub(super) fn text(&mut self, expr: &Expr) -> Result<String> {
        self.typed(expr, PgType::Text)
    }

    fn constant(&mut self, constant: &Constant) -> Result<Value> {
        Ok(match constant {
            Constant::Number(number, _) => literal::number(number)?,
            Constant::SingleQuotedString(text) | Constant::EscapedStringLiteral(text) => {
                Value { sql: literal::quoted(text)?, kind: Kind::Literal(text.clone()) }
            }
            Constant::DollarQuotedString(text) => Value {
                sql: literal::quoted(&text.value)?,
                kind: Kind::Literal(text.value.clone()),
            },
            Constant::Boolean(value) => boolean(&value.to_string()),
            Constant::Null => Value { sql: "null".to_owned(), kind: Kind::Null },
            Constant::Placeholder(name) => self.parameter(name)?,
            other => return not_understood(format!("{other} is not known")),
        })
    }

    /// `$1`
    fn parameter(&self, name: &str) -> Result<Value> {
        let number: Option<usize> = name.strip_prefix('$').and_then(|number| number.parse().ok());
        let scopes = self.scopes.iter().rev();
        let mut parameters = scopes.filter(|scope| !scope.parameters.is_empty());
        let found = number.and_then(|n| parameters.next()?.parameters.get(n.checked_sub(1)?));
        match found {
            Some((_, value)) => Ok(value.clone()),
            None => not_understood(format!("there is no parameter {name}")),
        }
    }

    /// A column by its name alone, or a parameter.
    fn column(&mut self, name: &str) -> Result<Value> {
        for scope in self.scopes.iter().rev() {
            let columns = scope.relations.iter().flat_map(|relation| &relation.columns);
            let mut found = columns.filter(|(column, _)| column == name).map(|(_, value)| value);
            match (found.next(), found.next()) {
                (Some(value), None) => return Ok(value.clone()),
                (Some(_), Some(_)) => return not_understood(format!("{name} is ambiguous")),
                (None, _) => {}
            }
            let parameter =
                scope.parameters.iter().find(|(known, _)| known.as_deref() == Some(name));
            if let Some((_, value)) = parameter {
                return Ok(value.clone());
            }
        }
        match name {
            "current_timestamp" => Ok(Value::new("now()", PgType::Timestamptz)),
            "current_date" => Ok(Value::new("day_of(now())", PgType::Date)),
            "localtimestamp" => Ok(Value::new("now()", PgType::Timestamp)),
            _ => not_understood(format!("there is no column {name}")),
        }
    }

    /// `table.column` or `schema.table.column`
    fn qualified(&mut self, parts: &[String]) -> Result<Value> {
        let ([relation, column] | [_, relation, column]) = parts else {
            return not_understood(format!("{} is not a column", parts.join(".")));
        };
        for scope in self.scopes.iter().rev() {
            let found = scope.relations.iter().find(|known| known.name == *relation);
            if let Some(found) = found {
                let column = found.columns.iter().find(|(name, _)| name == column);
                return match column {
                    Some((_, value)) => Ok(value.clone()),
                    None => not_understood(format!("there is no column {}", parts.join("."))),
                };
            }
        }
        // A parameter may be named after its function.
        let parameters = self.scopes.iter().rev().flat_map(|scope| &scope.parameters);
        match parameters.into_iter().find(|(name, _)| name.as_ref() == Some(column)) {
            Some((_, value)) => Ok(value.clone()),
            None => not_understood(format!("there is no column {}", parts.join("."))),
        }
    }

    /// `(row).column`, or an element of an array.
    fn field(&mut self, root: &Expr, chain: &[AccessExpr]) -> Result<Value> {
        let [AccessExpr::Dot(Expr::Identifier(field))] = chain else {
            return not_understood("elements of arrays are not implemented");
        };
        let field = fold(&field.value, field.quote_style);
        let root = match root {
            Expr::Nested(inner) => inner,
            other => other,
        };
        match root {
            Expr::Identifier(ident) => {
                self.qualified(&[fold(&ident.value, ident.quote_style), field])
            }
            // The row that a computed column is of.
            Expr::Value(value) if matches!(&value.value, Constant::Placeholder(p) if p == "$1") => {
                self.column(&field)
            }
            other => not_understood(format!("({other}).{field} is not known")),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Value> {
        let results = conditions.iter().map(|when| &when.result).chain(otherwise);
        let results: Vec<_> = results.map(|result| self.expr(result)).collect::<Result<_>>()?;
        let (mut results, kind) = self.unified(results)?;
        let otherwise = if otherwise.is_some() { results.pop() } else { None };
        let mut sql = "case".to_owned();
        for (when, result) in conditions.iter().zip(results) {
            let condition = match operand {
                Some(operand) => self.compare(operand, "=", &when.condition)?.sql,
                None => self.condition(&when.condition)?,
            };
            sql.push_str(&format!(" when {condition} then {result}"));
        }
        let otherwise = otherwise.map(|value| format!(" else {value}")).unwrap_or_default();
        Ok(Value { sql: format!("{sql}{otherwise} end"), kind })
    }

    /// Values as values of the one type that they have in common.
    pub(super) fn unified(&mut self, values: Vec<Value>) -> Result<(Vec<String>, Kind)> {
        let mut kind = Kind::Null;
        for value in &values {
            kind = self.common(&kind, &value.kind)?;
        }
        let pg_type = match kind {
            Kind::Of(pg_type) => pg_type,
            _ => PgType::Text,
        };
        let coerced =
            values.into_iter().map(|value| self.coerce(value, pg_type)).collect::<Result<_>>()?;
        Ok((coerced, Kind::Of(pg_type)))
    }

    fn array(&mut self, elements: &[Expr]) -> Result<Value> {
        let elements: Vec<_> = elements.iter().map(|e| self.expr(e)).collect::<Result<_>>()?;
        let (elements, kind) = self.unified(elements)?;
        let Kind::Of(element) = kind else { return not_understood("an array of no type") };
        operator::require_plain_element(element)?;
        Ok(Value::new(format!("json_array({})", elements.join(", ")), array_of(element)))
    }

    fn is_in(&mut self, expr: &Expr, target: &InTarget, negated: bool) -> Result<Value> {
        let not = if negated { "not " } else { "" };
        match target {
            InTarget::List(elements) => {
                let mut values = vec![self.expr(expr)?];
                for element in elements {
                    values.push(self.expr(element)?);
                }
                let (mut values, _) = self.unified(values)?;
                let left = values.remove(0);
                Ok(boolean(&format!("{left} {not}in ({})", values.join(", "))))
            }
            InTarget::Subquery(query) => {
                self.has_subselect = true;
                let left = self.expr(expr)?;
                let query = self.query(query, query::Projection::Value)?;
                self.require_comparable(&left.kind, &query.kind)?;
                Ok(boolean(&format!("{} {not}in ({})", left.sql, query.sql)))
            }
            other => not_understood(format!("in {other} is not known")),
        }
    }
}

/// Translates an expression about a row of a table.
pub fn row_expression(
    catalogue: &Catalogue,
    table: &TableState,
    bound: &Bound,
    prefix: Option<&str>,
    pg_type: PgType,
) -> Result<Expression> {
    let mut translator = Translator::for_row(catalogue, table, &bound.names, prefix)?;
    let sql = translator.typed(&bound.written.expr, pg_type)?;
    Ok(translator.finish(&sql, &bound.written.text))
}
