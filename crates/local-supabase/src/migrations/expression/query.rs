//! Sub-selects.

use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    JoinConstraint, JoinOperator, LimitClause, OrderByKind, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins,
};

use super::literal;
use super::translator::{Relation, Scope, Translator, relation};
use super::value::{Kind, ROWS, ROWS_END, Value, quote};
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::parse::fold;
use crate::migrations::statement::Name;
use crate::migrations::types::object_name;
use crate::schema::PgType;

/// The use of a sub-select.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Whether there are rows.
    Rows,
    /// The one column that it has.
    Value,
}

impl Translator<'_> {
    pub(super) fn query(&mut self, query: &Query, projection: Projection) -> Result<Value> {
        let is_plain = query.with.is_none()
            && query.fetch.is_none()
            && query.locks.is_empty()
            && query.for_clause.is_none();
        let SetExpr::Select(select) = &*query.body else {
            return not_understood("unions are not implemented");
        };
        if !is_plain || !is_plain_select(select) {
            return not_understood("this form of select is not implemented");
        }
        if let ([SelectItem::UnnamedExpr(Expr::Function(function))], [], None, Projection::Value) =
            (&select.projection[..], &select.from[..], &select.selection, projection)
        {
            let name = object_name(&function.name)?;
            if let Ok(arguments) = Self::arguments_of(function)
                && let Some(rows) = self.set(&name, &arguments)?
            {
                return Ok(rows);
            }
        }
        self.scopes.push(Scope::default());
        let outside = std::mem::replace(&mut self.takes_aggregates, false);
        let value = self.select(query, select, projection);
        self.takes_aggregates = outside;
        self.scopes.pop();
        value
    }

    fn select(&mut self, query: &Query, select: &Select, projection: Projection) -> Result<Value> {
        let from = self.from(&select.from)?;
        let value = match projection {
            Projection::Rows => {
                // `exists (select count(*) …)` is always true.
                if select.projection.iter().any(is_aggregate) {
                    return not_understood("exists of an aggregate");
                }
                Value::new("1", PgType::Integer)
            }
            Projection::Value => self.only_column(select)?,
        };
        let distinct = if select.distinct.is_some() { "distinct " } else { "" };
        let mut sql = format!("select {distinct}{}", value.sql);
        if !from.is_empty() {
            sql.push_str(&format!(" from {from}"));
        }
        if let Some(selection) = &select.selection {
            sql.push_str(&format!(" where {}", self.condition(selection)?));
        }
        sql.push_str(&self.order_and_limit(query)?);
        Ok(Value { sql, kind: value.kind })
    }

    fn only_column(&mut self, select: &Select) -> Result<Value> {
        let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
            &select.projection[..]
        else {
            return not_understood("a select of more than one column");
        };
        let outside = std::mem::replace(&mut self.takes_aggregates, true);
        let value = self.expr(expr);
        self.takes_aggregates = outside;
        let value = value?;
        Ok(match value.kind {
            // A constant in a select is a text.
            Kind::Literal(text) => Value::new(literal::quoted(&text)?, PgType::Text),
            _ => value,
        })
    }

    pub(super) fn aggregate(&mut self, function: &Function) -> Result<Value> {
        let FunctionArguments::List(list) = &function.args else {
            return not_understood("an aggregate");
        };
        if !list.clauses.is_empty()
            || list.duplicate_treatment.is_some()
            || function.over.is_some()
            || function.filter.is_some()
        {
            return not_understood(format!("{function} is not implemented"));
        }
        match (aggregate(function), &list.args[..]) {
            (Some("count"), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) => {
                Ok(Value::new("count(*)", PgType::Bigint))
            }
            (Some("count"), [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))]) => {
                let value = self.expr(expr)?;
                Ok(Value::new(format!("count({})", value.sql), PgType::Bigint))
            }
            (Some(name), [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))]) => {
                let value = self.expr(expr)?;
                match value.kind {
                    Kind::Of(t)
                        if t.is_number() || t == PgType::Timestamptz || t == PgType::Date =>
                    {
                        Ok(Value { sql: format!("{name}({})", value.sql), kind: value.kind })
                    }
                    _ => not_understood(format!("{function} is not implemented")),
                }
            }
            _ => not_understood(format!("{function} is not implemented")),
        }
    }

    fn order_and_limit(&mut self, query: &Query) -> Result<String> {
        let mut sql = String::new();
        if let Some(order) = &query.order_by {
            let OrderByKind::Expressions(terms) = &order.kind else {
                return not_understood("order by all");
            };
            let mut ordered = Vec::new();
            for term in terms {
                let value = self.expr(&term.expr)?;
                let descending =
                    matches!(term.options.sort, Some(sqlparser::ast::OrderBySort::Desc));
                let nulls_first = term.options.nulls_first.unwrap_or(descending);
                ordered.push(format!(
                    "{} {} nulls {}",
                    value.sql,
                    if descending { "desc" } else { "asc" },
                    if nulls_first { "first" } else { "last" }
                ));
            }
            sql.push_str(&format!(" order by {}", ordered.join(", ")));
        }
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by })
                if limit_by.is_empty() =>
            {
                sql.push_str(&format!(" limit {}", self.typed(limit, PgType::Bigint)?));
            }
            Some(_) => return not_understood("offsets are not implemented"),
        }
        Ok(sql)
    }

    fn from(&mut self, from: &[TableWithJoins]) -> Result<String> {
        let mut sql = String::new();
        for (index, TableWithJoins { relation, joins }) in from.iter().enumerate() {
            sql.push_str(if index > 0 { ", " } else { "" });
            sql.push_str(&self.factor(relation)?);
            for join in joins {
                let (word, constraint) = match &join.join_operator {
                    JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
                        ("join", constraint)
                    }
                    JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                        ("left join", constraint)
                    }
                    JoinOperator::CrossJoin(constraint) => ("cross join", constraint),
                    _ => return not_understood("this kind of join is not implemented"),
                };
                let factor = self.factor(&join.relation)?;
                sql.push_str(&format!(" {word} {factor}"));
                match constraint {
                    JoinConstraint::On(condition) => {
                        sql.push_str(&format!(" on {}", self.condition(condition)?));
                    }
                    JoinConstraint::None => {}
                    _ => return not_understood("this kind of join is not implemented"),
                }
            }
        }
        Ok(sql)
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<String> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_ordinality: false,
            sample: None,
            ..
        } = factor
        else {
            return not_understood(format!("\"{factor}\" as a table is not implemented"));
        };
        let name = object_name(name)?;
        let known = match alias {
            Some(alias) if alias.columns.is_empty() => {
                fold(&alias.name.value, alias.name.quote_style)
            }
            Some(_) => return not_understood("names for the columns of a table"),
            None => name.name.clone(),
        };
        let sql_alias = self.alias();
        let (rows, mut columns) = self.rows(&name, &sql_alias)?;
        columns.name = known;
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(columns);
        }
        Ok(format!("{rows} as {sql_alias}"))
    }

    /// A table's rows, as far as they can be seen, and its columns.
    fn rows(&self, name: &Name, alias: &str) -> Result<(String, Relation)> {
        if name.schema == "auth" && name.name == "users" {
            if !self.sees_all {
                return not_understood("a role that makes requests may not read auth.users");
            }
            return Ok(("auth_users".to_owned(), users(alias)));
        }
        let Some(table) = self.catalogue.table(name) else {
            return not_understood(format!("there is no table {}.{}", name.schema, name.name));
        };
        if !table.problems.is_empty() {
            return not_understood(format!("the table {} is not available", name.name));
        }
        let columns = relation(self.catalogue, table, &table.names(), Some(alias))?;
        let rows = match (self.sees_all, name.schema.as_str()) {
            (true, _) => quote(&table.sqlite_name()),
            (false, "public") => format!("{ROWS}{}{ROWS_END}", table.name.name),
            (false, schema) => {
                return not_understood(format!(
                    "tables of the schema {schema} in a policy are not implemented"
                ));
            }
        };
        Ok((rows, columns))
    }
}

/// `auth.users`, as far as the local Supabase has it.
pub fn users(prefix: &str) -> Relation {
    let columns = [
        ("id", "id", PgType::Uuid),
        ("role", "role", PgType::Text),
        ("email", "email", PgType::Text),
        ("raw_app_meta_data", "app_metadata", PgType::Jsonb),
        ("raw_user_meta_data", "user_metadata", PgType::Jsonb),
        ("email_confirmed_at", "email_confirmed_at", PgType::Timestamptz),
        ("confirmed_at", "email_confirmed_at", PgType::Timestamptz),
        ("last_sign_in_at", "last_sign_in_at", PgType::Timestamptz),
        ("is_anonymous", "is_anonymous", PgType::Boolean),
        ("banned_until", "banned_until", PgType::Timestamptz),
        ("created_at", "created_at", PgType::Timestamptz),
        ("updated_at", "updated_at", PgType::Timestamptz),
    ];
    let columns = columns.into_iter().map(|(name, stored, pg_type)| {
        (name.to_owned(), Value::new(format!("{prefix}.{}", quote(stored)), pg_type))
    });
    Relation { name: "users".to_owned(), columns: columns.collect() }
}

/// Whether a sub-select has one row at most, whatever the tables have.
pub(super) fn is_single(query: &Query) -> bool {
    let SetExpr::Select(select) = &*query.body else { return false };
    let is_one =
        |limit: &Option<Expr>| limit.as_ref().is_some_and(|limit| limit.to_string() == "1");
    select.from.is_empty() && !may_return_sets(select)
        || select.projection.iter().any(is_aggregate)
        || matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit, .. }) if is_one(limit))
}

/// Functions of the migrations may return several rows.
fn may_return_sets(select: &Select) -> bool {
    let is_call = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(Expr::Function(function))
        if !["auth.", "now", "current_"].iter().any(|start| {
            function.name.to_string().to_lowercase().starts_with(start)
        }))
    };
    select.projection.iter().any(is_call)
}

fn is_plain_select(select: &Select) -> bool {
    let no_groups = matches!(&select.group_by, GroupByExpr::Expressions(terms, more)
        if terms.is_empty() && more.is_empty());
    no_groups
        && matches!(select.distinct, None | Some(Distinct::Distinct))
        && select.top.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.named_window.is_empty()
}

pub(super) fn aggregate(function: &Function) -> Option<&'static str> {
    let name = object_name(&function.name).ok()?;
    ["count", "max", "min"].into_iter().find(|known| *known == name.name)
}

fn is_aggregate(item: &SelectItem) -> bool {
    match item {
        SelectItem::UnnamedExpr(Expr::Function(function))
        | SelectItem::ExprWithAlias { expr: Expr::Function(function), .. } => {
            aggregate(function).is_some()
        }
        _ => false,
    }
}
