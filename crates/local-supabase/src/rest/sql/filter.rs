//! Conditions.

use rusqlite::types::Value;

use super::builder::Sql;
use super::field::Operand;
use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::{Comparison, Condition, Embed, Filter, FilterOperation, Is, Quantifier};
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
                let value = self.input(&left, value)?;
                Ok(left.sql.push(" is not ").bind(value))
            }
            FilterOperation::In(values) => {
                let values: Result<Vec<_>, _> =
                    values.iter().map(|value| self.input(&left, value)).collect();
                Ok(left.sql.push(" in ").append(Sql::list(&values?)))
            }
            FilterOperation::Is(is) => is_null_or_truth(left, *is),
            FilterOperation::Contains(value) => {
                let value = Sql::bound(self.contained(&left, "@>", value)?);
                Ok(Sql::call("jsonb_contains", left.sql.push(", ").append(value)))
            }
            FilterOperation::ContainedIn(value) => {
                let value = Sql::bound(self.contained(&left, "<@", value)?);
                Ok(Sql::call("jsonb_contains", value.push(", ").append(left.sql)))
            }
            FilterOperation::NotImplemented(operator) => Err(RestError::not_implemented(format!(
                "The operator {operator} is not implemented."
            ))),
        }
    }

    fn input(&self, left: &Operand, value: &str) -> Result<Value, RestError> {
        value::parse(left.pg_type, value, self.session.now)
    }

    fn contained(&self, left: &Operand, operator: &str, value: &str) -> Result<Value, RestError> {
        if left.pg_type != PgType::Jsonb {
            return Err(RestError::undefined_operator(left.pg_type.name(), operator));
        }
        self.input(left, value)
    }

    fn compare(
        &self,
        left: Operand,
        comparison: Comparison,
        value: &str,
    ) -> Result<Sql, RestError> {
        let value = self.compared(&left, comparison, value)?;
        Ok(relate(left, comparison, Sql::bound(value)))
    }

    /// A value to compare with. In patterns PostgREST lets `*` stand for `%`.
    fn compared(
        &self,
        left: &Operand,
        comparison: Comparison,
        value: &str,
    ) -> Result<Value, RestError> {
        let operator = match comparison {
            Comparison::Like => "~~",
            Comparison::Ilike => "~~*",
            _ => return self.input(left, value),
        };
        if left.pg_type != PgType::Text {
            return Err(RestError::undefined_operator(left.pg_type.name(), operator));
        }
        self.input(left, &value.replace('*', "%"))
    }

    /// `like(any).{a*,b*}`. However many elements there are, it is one condition.
    fn compare_each(
        &self,
        left: &Operand,
        comparison: Comparison,
        quantifier: Quantifier,
        literal: &str,
    ) -> Result<Sql, RestError> {
        let elements = array::parse(literal)?;
        let values: Result<Vec<_>, _> =
            elements.iter().map(|element| self.compared(left, comparison, element)).collect();
        let values = values?;
        if (comparison, quantifier) == (Comparison::Eq, Quantifier::Any) {
            return Ok(left.sql.clone().push(" in ").append(Sql::list(&values)));
        }
        let condition = relate(left.clone(), comparison, Sql::new("element.value"));
        let (exists, condition) = match quantifier {
            Quantifier::Any => ("exists", condition),
            Quantifier::All => ("not exists", parenthesize(true, condition)),
        };
        Ok(Sql::new("case when ")
            .append(left.sql.clone())
            .push(" is not null then ")
            .push(exists)
            .push(" (select 1 from ")
            .append(Sql::elements(&values))
            .push(" as element where ")
            .append(condition)
            .push(") end"))
    }
}

fn relate(left: Operand, comparison: Comparison, right: Sql) -> Sql {
    let operator = match comparison {
        Comparison::Like => return Sql::call("pg_like", left.sql.push(", ").append(right)),
        Comparison::Ilike => return Sql::call("pg_ilike", left.sql.push(", ").append(right)),
        Comparison::Eq => return left.sql.push(" = ").append(right),
        Comparison::Neq => return left.sql.push(" <> ").append(right),
        Comparison::Gt => " > ",
        Comparison::Gte => " >= ",
        Comparison::Lt => " < ",
        Comparison::Lte => " <= ",
    };
    if left.pg_type != PgType::Jsonb {
        return left.sql.push(operator).append(right);
    }
    let key = |sql| Sql::call("jsonb_sort_key", sql);
    key(left.sql).push(operator).append(key(right))
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
