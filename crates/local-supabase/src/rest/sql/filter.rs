//! Conditions.

use rusqlite::types::Value;

use super::builder::Sql;
use super::field::Operand;
use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::{Comparison, Condition, Embed, Filter, FilterOperation, Is, Quantifier};
use crate::rest::value::regex::Pattern;
use crate::rest::value::{self, array};
use crate::schema::PgType;

impl Relation<'_> {
    /// ` where …`: the join with the parent, the conditions, and the conditions of `!inner`.
    pub(super) fn filter(&self, join: Option<Sql>) -> Result<Sql, RestError> {
        let mut conditions: Vec<Sql> = join.into_iter().collect();
        for condition in &self.node.conditions {
            conditions.push(self.condition(condition)?);
        }
        for embed in self.node.embeds().filter(|embed| embed.inner) {
            conditions.push(self.embedded(embed)?.exists()?);
        }
        if conditions.is_empty() {
            return Ok(Sql::default());
        }
        Ok(Sql::new(" where ").append(Sql::tree(" and ", conditions)))
    }

    fn condition(&self, condition: &Condition) -> Result<Sql, RestError> {
        match condition {
            Condition::Filter(filter) => self.comparison(filter),
            Condition::Logic { negated, any, conditions } => {
                let conditions: Result<Vec<_>, _> =
                    conditions.iter().map(|condition| self.condition(condition)).collect();
                let separator = if *any { " or " } else { " and " };
                Ok(parenthesize(*negated, Sql::tree(separator, conditions?)))
            }
        }
    }

    fn comparison(&self, filter: &Filter) -> Result<Sql, RestError> {
        if let Some(embed) = self.embed_compared_to_null(filter) {
            let exists = self.embedded(embed)?.exists()?;
            return Ok(parenthesize(!filter.negated, exists));
        }
        let operand = self.operand(&filter.field)?;
        Ok(parenthesize(filter.negated, self.operation(operand, &filter.operation)?))
    }

    /// `messages=is.null` means that nothing is embedded.
    fn embed_compared_to_null(&self, filter: &Filter) -> Option<&Embed> {
        let is_null =
            filter.operation == FilterOperation::Is(Is::Null) && filter.field.path.is_empty();
        let mut embeds = self.node.embeds();
        embeds.find(|embed| is_null && embed.name() == filter.field.name)
    }

    fn operation(&self, left: Operand, operation: &FilterOperation) -> Result<Sql, RestError> {
        match operation {
            FilterOperation::Compare { comparison, quantifier: None, value } => {
                self.compare(left, *comparison, value)
            }
            FilterOperation::Compare { comparison, quantifier: Some(quantifier), value } => {
                self.compare_each(&left, *comparison, *quantifier, value)
            }
            FilterOperation::IsDistinct(value) => {
                comparable(&left, "=")?;
                let value = self.input(&left, value)?;
                Ok(left.sql.push(" is not ").bind(value))
            }
            FilterOperation::In(values) => {
                comparable(&left, "=")?;
                // It is `= any` there.
                not_array(&left)?;
                // Nothing between the parentheses is no value, not one that is empty.
                if values.iter().eq([""]) {
                    return Ok(Sql::new("false"));
                }
                let values: Result<Vec<_>, _> =
                    values.iter().map(|value| self.input(&left, value)).collect();
                Ok(left.sql.push(" in ").append(Sql::list(&values?)))
            }
            FilterOperation::Is(is) => is_null_or_truth(left, *is),
            FilterOperation::Contains(value) => {
                let function = containment(&left, "@>")?;
                let value = Sql::bound(self.input(&left, value)?);
                Ok(Sql::call(function, left.sql.push(", ").append(value)))
            }
            FilterOperation::ContainedIn(value) => {
                let function = containment(&left, "<@")?;
                let value = Sql::bound(self.input(&left, value)?);
                Ok(Sql::call(function, value.push(", ").append(left.sql)))
            }
            FilterOperation::Overlaps(value) => {
                if !matches!(left.pg_type, PgType::Array(_)) {
                    return Err(RestError::undefined_operator(left.pg_type.name(), "&&"));
                }
                let value = self.input(&left, value)?;
                Ok(Sql::call("array_overlaps", left.sql.push(", ").bind(value)))
            }
            FilterOperation::NotImplemented(operator) => Err(RestError::not_implemented(format!(
                "The operator {operator} is not implemented."
            ))),
        }
    }

    fn input(&self, left: &Operand, value: &str) -> Result<Value, RestError> {
        value::parse_operand(left.pg_type, value, self.session.now)
    }

    fn compare(
        &self,
        left: Operand,
        comparison: Comparison,
        value: &str,
    ) -> Result<Sql, RestError> {
        let value = self.compared(&left, comparison, value)?;
        relate(left, comparison, Sql::bound(value))
    }

    /// A value to compare with. In patterns of `like` PostgREST lets `*` stand for `%`.
    fn compared(
        &self,
        left: &Operand,
        comparison: Comparison,
        value: &str,
    ) -> Result<Value, RestError> {
        applicable(left, comparison.operator(), comparison.is_pattern())?;
        if !comparison.is_pattern() {
            return self.input(left, value);
        }
        if let Comparison::Match | Comparison::Imatch = comparison {
            Pattern::new(value, comparison == Comparison::Imatch)?;
            return value::parse(PgType::Text, value, self.session.now);
        }
        value::parse(PgType::Text, &value.replace('*', "%"), self.session.now)
    }

    /// `like(any).{a*,b*}`. However many elements there are, it is one condition.
    fn compare_each(
        &self,
        left: &Operand,
        comparison: Comparison,
        quantifier: Quantifier,
        literal: &str,
    ) -> Result<Sql, RestError> {
        applicable(left, comparison.operator(), comparison.is_pattern())?;
        not_array(left)?;
        let values = array::values(literal, |element| self.compared(left, comparison, element))?;
        if (comparison, quantifier) == (Comparison::Eq, Quantifier::Any) {
            return Ok(left.sql.clone().push(" in ").append(Sql::list(&values)));
        }
        let condition = relate(left.clone(), comparison, Sql::new("element.value"))?;
        let (condition, decided, otherwise) = match quantifier {
            Quantifier::Any => (condition, "true", "false"),
            Quantifier::All => (parenthesize(true, condition), "false", "true"),
        };
        let decides = Sql::new("case when exists (select 1 from ")
            .append(Sql::elements(&values))
            .push(" as element where ")
            .append(condition)
            .push(") then ")
            .push(decided);
        // What is compared with null is neither; of no elements nothing is compared.
        let unknown = match (values.is_empty(), values.contains(&Value::Null)) {
            (true, _) => Sql::default(),
            (false, true) => Sql::new(" when true then null"),
            (false, false) => {
                Sql::new(" when ").append(left.sql.clone()).push(" is null then null")
            }
        };
        Ok(decides.append(unknown).push(" else ").push(otherwise).push(" end"))
    }
}

fn relate(left: Operand, comparison: Comparison, right: Sql) -> Result<Sql, RestError> {
    let function = match comparison {
        Comparison::Like => "pg_like",
        Comparison::Ilike => "pg_ilike",
        Comparison::Match => "pg_match",
        Comparison::Imatch => "pg_imatch",
        Comparison::Eq => return Ok(left.sql.push(" = ").append(right)),
        Comparison::Neq => return Ok(left.sql.push(" <> ").append(right)),
        Comparison::Gt | Comparison::Gte | Comparison::Lt | Comparison::Lte => {
            let right = Operand { sql: right, ..left.clone() };
            let operator = match comparison {
                Comparison::Gt => " > ",
                Comparison::Gte => " >= ",
                Comparison::Lt => " < ",
                _ => " <= ",
            };
            return Ok(left.sort_key()?.push(operator).append(right.sort_key()?));
        }
    };
    Ok(Sql::call(function, left.sql.push(", ").append(right)))
}

/// The function behind `@>`, which jsonb and arrays have.
fn containment(left: &Operand, operator: &str) -> Result<&'static str, RestError> {
    match left.pg_type {
        PgType::Jsonb => Ok("jsonb_contains"),
        PgType::Array(_) => Ok("array_contains"),
        // Ranges contain values of other types; which of them is meant cannot be told.
        other if operator == "<@" => Err(RestError::ambiguous_operator(other.name(), operator)),
        other => Err(RestError::undefined_operator(other.name(), operator)),
    }
}

/// Refuses an operator that the type does not have.
fn applicable(left: &Operand, operator: &str, is_pattern: bool) -> Result<(), RestError> {
    if is_pattern && !left.pg_type.is_text() {
        return Err(RestError::undefined_operator(left.pg_type.name(), operator));
    }
    comparable(left, operator)
}

/// Refuses to look for an array among arrays.
fn not_array(left: &Operand) -> Result<(), RestError> {
    match left.pg_type {
        PgType::Array(_) => Err(RestError::no_array_type(left.pg_type.name())),
        _ => Ok(()),
    }
}

/// Refuses values that cannot be compared.
fn comparable(left: &Operand, operator: &str) -> Result<(), RestError> {
    match left.pg_type {
        PgType::Json => Err(RestError::undefined_operator("json", operator)),
        _ => Ok(()),
    }
}

fn parenthesize(negated: bool, condition: Sql) -> Sql {
    Sql::new(if negated { "not (" } else { "(" }).append(condition).push(")")
}

fn is_null_or_truth(left: Operand, is: Is) -> Result<Sql, RestError> {
    let word = match is {
        Is::Null => return Ok(left.sql.push(" is null")),
        Is::NotNull => return Ok(left.sql.push(" is not null")),
        Is::True => "TRUE",
        Is::False => "FALSE",
        Is::Unknown => "UNKNOWN",
    };
    if left.pg_type != PgType::Boolean {
        return Err(RestError::sql(
            "42804",
            format!("argument of IS {word} must be type boolean, not type {}", left.pg_type.name()),
        ));
    }
    Ok(left.sql.push(match is {
        Is::True => " is 1",
        Is::False => " is 0",
        _ => " is null",
    }))
}
