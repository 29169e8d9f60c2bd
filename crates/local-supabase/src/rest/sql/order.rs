//! `order by`.

use std::collections::HashSet;

use super::builder::Sql;
use super::field::{MAX_COLUMNS, Operand};
use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::OrderTerm;

impl Relation<'_> {
    /// The requested terms, and then the order in which rows were stored.
    pub(super) fn order(&self) -> Result<Sql, RestError> {
        let mut terms = Vec::new();
        let mut seen = HashSet::new();
        for term in &self.node.order {
            // A second term for the same value has no effect.
            if !seen.insert((&term.relation, &term.field)) {
                continue;
            }
            if seen.len() > MAX_COLUMNS {
                return Err(RestError::too_many_columns(MAX_COLUMNS));
            }
            terms.push(ordered(self.order_value(term)?, term)?);
        }
        if !self.order_is_total() {
            terms.push(Sql::default().column(self.alias, "ctid"));
        }
        Ok(Sql::new(" order by ").append(Sql::join(", ", terms)))
    }

    fn order_value(&self, term: &OrderTerm) -> Result<Operand, RestError> {
        let Some(name) = &term.relation else { return self.operand(&term.field) };
        let embed = self.node.embeds().find(|embed| embed.name() == name);
        let embed = embed.ok_or_else(|| RestError::not_embedded(name))?;
        let embedded = self.embedded(embed)?;
        // It occurs once for the page and once for its rows.
        embedded.matching()?.check_repeated(2 * self.node.order.len())?;
        if !embedded.is_to_one() {
            return Err(RestError::related_order(self.table.name, name));
        }
        let value = embedded.relation().operand(&term.field)?;
        Ok(Operand { sql: embedded.only(value.sql)?, nullable: true, pg_type: value.pg_type })
    }

    fn order_is_total(&self) -> bool {
        self.node.order.iter().any(|term| {
            term.relation.is_none()
                && term.field.path.is_empty()
                && self.table.primary_key() == [term.field.name.as_str()]
        })
    }
}

fn ordered(value: Operand, term: &OrderTerm) -> Result<Sql, RestError> {
    let nullable = value.nullable;
    let sql = value.sort_key()?;
    let sql = sql.push(if term.descending { " desc" } else { " asc" });
    // `nulls first` keeps SQLite from using an index, so it is used only for nullable columns.
    Ok(match term.nulls_first.unwrap_or(term.descending) {
        _ if !nullable => sql,
        true => sql.push(" nulls first"),
        false => sql.push(" nulls last"),
    })
}
