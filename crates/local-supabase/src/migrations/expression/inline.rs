//! Functions of the migrations, put in place of their calls: those whose body is one expression or
//! one `select`, in SQL or as the `return` of a PL/pgSQL function.

use sqlparser::ast::{Expr, Query};

use super::query::Wanted;
use super::{Scope, Translator, Value};
use crate::migrations::not_understood::{NotUnderstood, Result, not_understood};
use crate::migrations::parse::{parse_expr, parse_query};
use crate::migrations::statement::{FunctionBody, FunctionDef, Name, Returns};

/// How deep functions may call one another.
const MAX_DEPTH: u32 = 16;

/// What a function evaluates.
pub enum Body {
    Expr(Box<Expr>),
    Query(Box<Query>),
}

impl Translator<'_> {
    pub(super) fn inline(&mut self, name: &Name, arguments: &[Expr]) -> Result<Value> {
        let fits = |function: &&FunctionDef| {
            let required = function.parameters.iter().filter(|p| !p.has_default).count();
            arguments.len() <= function.parameters.len() && arguments.len() >= required
        };
        let mut found = self.catalogue.functions(name).filter(fits);
        let (Some(function), None) = (found.next(), found.next()) else {
            return not_understood(format!("which function {}() is meant is not known", name.name));
        };
        if arguments.len() != function.parameters.len() {
            return not_understood("defaults of parameters are not implemented");
        }
        let in_function = |error: NotUnderstood| {
            NotUnderstood(format!("the function {}() is not understood: {error}", name.name))
        };
        let body = body(function).map_err(in_function)?;
        if self.depth >= MAX_DEPTH {
            return not_understood(format!("the function {}() calls itself", name.name));
        }
        let Returns::Type(returns) = &function.returns else {
            return not_understood(format!("{}() does not return a value", name.name));
        };
        let returns = self.catalogue.resolve(returns)?.pg_type;
        let mut parameters = Vec::new();
        for (parameter, argument) in function.parameters.iter().zip(arguments) {
            let pg_type = self.catalogue.resolve(&parameter.data_type)?.pg_type;
            let sql = self.typed(argument, pg_type)?;
            parameters.push((parameter.name.clone(), Value::new(format!("({sql})"), pg_type)));
        }
        let value = self.within(function, parameters, &body).map_err(in_function)?;
        Ok(Value::new(format!("({})", self.coerce(value, returns)?), returns))
    }

    /// Evaluates the body where only the parameters have names.
    fn within(
        &mut self,
        function: &FunctionDef,
        parameters: Vec<(Option<String>, Value)>,
        body: &Body,
    ) -> Result<Value> {
        let own = Scope { relations: Vec::new(), parameters };
        let scopes = std::mem::replace(&mut self.scopes, vec![own]);
        let (sees_all, had_subselect) = (self.sees_all, self.has_subselect);
        self.sees_all |= function.security_definer;
        self.depth += 1;
        let value = match body {
            Body::Expr(expr) => self.expr(expr),
            Body::Query(query) => self
                .query(query, Wanted::Value)
                .map(|query| Value { sql: format!("({})", query.sql), kind: query.kind }),
        };
        self.depth -= 1;
        self.scopes = scopes;
        // What such a function reads is not a part of the policy.
        if self.sees_all {
            self.has_subselect = had_subselect;
        }
        self.sees_all = sees_all;
        value
    }
}

/// The one expression or query that a function evaluates.
pub fn body(function: &FunctionDef) -> Result<Body> {
    match (&function.body, function.language.as_str()) {
        (FunctionBody::Return(expr), _) => Ok(Body::Expr(expr.clone())),
        (FunctionBody::Query(query), _) => Ok(Body::Query(query.clone())),
        (FunctionBody::Text(text), "sql") => parse_query(text).map(Body::Query),
        (FunctionBody::Text(text), "plpgsql") => returned(text),
        _ => not_understood("its body is not one expression"),
    }
}

/// `begin return …; end`
fn returned(text: &str) -> Result<Body> {
    let unknown = || not_understood("its body is not one expression");
    let pieces = crate::migrations::split::split(text);
    let [first, last] = &pieces[..] else { return unknown() };
    let words: Vec<&str> = first.text.split_whitespace().collect();
    let is = |word: Option<&&str>, expected: &str| {
        word.is_some_and(|w| w.eq_ignore_ascii_case(expected))
    };
    if !is(words.first(), "begin") || !last.text.eq_ignore_ascii_case("end") {
        return unknown();
    }
    let lower = first.text.to_ascii_lowercase();
    let Some(at) = lower.find("return") else { return unknown() };
    if lower[..at].split_whitespace().count() != 1 {
        return unknown();
    }
    let expression = &first.text[at + "return".len()..];
    parse_expr(expression.trim()).map(|expr| Body::Expr(Box::new(expr)))
}
