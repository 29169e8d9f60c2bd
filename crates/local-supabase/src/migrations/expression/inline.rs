//! Functions of the migrations, put in place of their calls: those whose body is one expression or
//! one `select`, in SQL or as the `return` of a PL/pgSQL function.

use sqlparser::ast::{DataType, Expr, Query};

use super::query::Projection;
use super::translator::{Scope, Translator};
use super::value::{Kind, Value};
use crate::migrations::not_understood::{NotUnderstood, Result, not_understood};
use crate::migrations::parse::{parse_expr, parse_query, parse_type};
use crate::migrations::split::split;
use crate::migrations::statement::{FunctionBody, FunctionDef, Name, Returns};
use crate::schema::PgType;

/// How deep functions may call one another.
const MAX_DEPTH: u32 = 16;

/// What a function evaluates.
pub enum Body {
    Expr(Box<Expr>),
    Query(Box<Query>),
    /// Variables that are given values, and an expression of them.
    Steps {
        steps: Vec<(String, DataType, Assigned)>,
        returned: Box<Expr>,
    },
}

/// What a variable is given.
#[derive(Debug)]
pub enum Assigned {
    Expr(Box<Expr>),
    Query(Box<Query>),
}

impl<'a> Translator<'a> {
    pub(super) fn inline(&mut self, name: &Name, arguments: &[Expr]) -> Result<Value> {
        let in_function = |error: NotUnderstood| {
            NotUnderstood(format!("the function {}() is not understood: {error}", name.name))
        };
        let function = self.meant(name, arguments)?;
        let body = body(function).map_err(in_function)?;
        let Returns::Type(returns) = &function.returns else {
            return not_understood(format!("{}() does not return a value", name.name));
        };
        let returns = self.catalogue.resolve(returns)?.pg_type;
        let parameters = self.parameters(function, arguments)?;
        let value =
            self.within(function, parameters, |t| t.evaluated(&body)).map_err(in_function)?;
        Ok(Value::new(format!("({})", self.coerce(value, returns)?), returns))
    }

    /// `select f(…)` of a function that returns a set, in place of a sub-select.
    pub(super) fn set(&mut self, name: &Name, arguments: &[Expr]) -> Result<Option<Value>> {
        let mut known = self.catalogue.functions(name);
        let Some(Returns::SetOf(returns)) = known.next().map(|function| &function.returns) else {
            return Ok(None);
        };
        let returns = self.catalogue.resolve(returns)?.pg_type;
        let function = self.meant(name, arguments)?;
        let Body::Query(query) = body(function)? else {
            return not_understood(format!("{}() has more than one select", name.name));
        };
        let parameters = self.parameters(function, arguments)?;
        let value = self.within(function, parameters, |t| t.query(&query, Projection::Value))?;
        match value.kind == Kind::Of(returns) {
            true => Ok(Some(value)),
            false => not_understood(format!("{}() returns another type than it says", name.name)),
        }
    }

    /// The function that is called, which is then known as called.
    fn meant(&mut self, name: &Name, arguments: &[Expr]) -> Result<&'a FunctionDef> {
        let fits = |function: &&FunctionDef| {
            let required = function.parameters.iter().filter(|p| p.default.is_none()).count();
            arguments.len() <= function.parameters.len() && arguments.len() >= required
        };
        let mut found = self.catalogue.functions(name).filter(fits);
        let (Some(function), None) = (found.next(), found.next()) else {
            return not_understood(format!("which function {}() is meant is not known", name.name));
        };
        // What a `security definer` function calls is its owner's to execute.
        if !self.sees_all {
            self.called.insert(name.clone());
        }
        if self.depth >= MAX_DEPTH {
            return not_understood(format!("the function {}() calls itself", name.name));
        }
        Ok(function)
    }

    fn parameters(
        &mut self,
        function: &FunctionDef,
        arguments: &[Expr],
    ) -> Result<Vec<(Option<String>, Value)>> {
        let mut parameters = Vec::new();
        let defaults =
            function.parameters.iter().skip(arguments.len()).filter_map(|p| p.default.as_ref());
        for (parameter, argument) in
            function.parameters.iter().zip(arguments.iter().chain(defaults))
        {
            let pg_type = self.catalogue.resolve(&parameter.data_type)?.pg_type;
            let sql = self.typed(argument, pg_type)?;
            parameters.push((parameter.name.clone(), Value::new(format!("({sql})"), pg_type)));
        }
        Ok(parameters)
    }

    /// Evaluates the body where only the parameters have names.
    fn within(
        &mut self,
        function: &FunctionDef,
        parameters: Vec<(Option<String>, Value)>,
        evaluate: impl FnOnce(&mut Self) -> Result<Value>,
    ) -> Result<Value> {
        let own = Scope { relations: Vec::new(), parameters };
        let scopes = std::mem::replace(&mut self.scopes, vec![own]);
        let (sees_all, had_subselect) = (self.sees_all, self.has_subselect);
        let as_owner = self.as_owner;
        self.sees_all |= function.security_definer;
        self.as_owner |= function.security_definer;
        self.depth += 1;
        let value = evaluate(self);
        self.depth -= 1;
        self.scopes = scopes;
        // What such a function reads is not a part of the policy.
        if self.sees_all {
            self.has_subselect = had_subselect;
        }
        self.sees_all = sees_all;
        self.as_owner = as_owner;
        value
    }
}

impl Translator<'_> {
    /// What a variable of a type is given.
    pub fn given(&mut self, assigned: &Assigned, pg_type: PgType) -> Result<String> {
        let value = match assigned {
            Assigned::Expr(expr) => self.expr(expr)?,
            Assigned::Query(query) => self.scalar_query(query)?,
        };
        self.assign(value, pg_type)
    }

    fn evaluated(&mut self, body: &Body) -> Result<Value> {
        match body {
            Body::Expr(expr) => self.expr(expr),
            Body::Query(query) => self.scalar_query(query),
            Body::Steps { steps, returned } => self.steps(steps, returned),
        }
    }

    fn scalar_query(&mut self, query: &Query) -> Result<Value> {
        let query = self.query(query, Projection::Value)?;
        Ok(Value { sql: format!("({})", query.sql), kind: query.kind })
    }

    fn steps(&mut self, steps: &[(String, DataType, Assigned)], returned: &Expr) -> Result<Value> {
        for (name, data_type, assigned) in steps {
            let pg_type = self.catalogue.resolve(data_type)?.pg_type;
            let sql = self.given(assigned, pg_type)?;
            let variable = (Some(name.clone()), Value::new(format!("({sql})"), pg_type));
            if let Some(scope) = self.scopes.first_mut() {
                scope.parameters.retain(|(known, _)| known.as_ref() != Some(name));
                scope.parameters.push(variable);
            }
        }
        self.expr(returned)
    }
}

/// The one expression or query that a function evaluates.
pub fn body(function: &FunctionDef) -> Result<Body> {
    match (&function.body, function.language.as_str()) {
        (FunctionBody::Return(expr), _) => Ok(Body::Expr(expr.clone())),
        (FunctionBody::Query(query), _) => Ok(Body::Query(query.clone())),
        (FunctionBody::Text(text), "sql") => parse_query(text).map(Body::Query),
        (FunctionBody::Text(text), "plpgsql") => straight(text),
        _ => not_understood("its body is not one expression"),
    }
}

/// `declare …; begin …; return …; end` without branches: each variable is what it was given last.
fn straight(text: &str) -> Result<Body> {
    let unknown = || not_understood("its body has more than plain assignments and a return");
    let mut pieces: Vec<String> =
        split(text).iter().map(|piece| strip_comments(piece.text)).collect();
    if pieces.pop().is_none_or(|last| !last.eq_ignore_ascii_case("end")) {
        return unknown();
    }
    let mut variables = Vec::new();
    while let Some(declared) = pieces.first().and_then(|piece| after_word(piece, "declare")) {
        pieces[0] = declared;
        while pieces.first().is_some_and(|piece| after_word(piece, "begin").is_none()) {
            variables.push(variable(&pieces.remove(0))?);
        }
    }
    let Some(first) = pieces.first().and_then(|piece| after_word(piece, "begin")) else {
        return unknown();
    };
    pieces[0] = first;
    let Some(returned) = pieces.pop().and_then(|last| after_word(&last, "return")) else {
        return unknown();
    };
    let mut steps = Vec::new();
    for piece in pieces {
        let (name, value) = assignment(&piece)?;
        let Some((_, data_type)) = variables.iter().find(|(known, _)| *known == name) else {
            return unknown();
        };
        steps.push((name, data_type.clone(), value));
    }
    Ok(Body::Steps { steps, returned: Box::new(parse_expr(&returned)?) })
}

/// What follows a word at the beginning of a text.
fn after_word(text: &str, word: &str) -> Option<String> {
    let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let rest = &text[start.len()..];
    rest.starts_with(|c: char| c.is_whitespace() || c == '(').then(|| rest.trim().to_owned())
}

/// `name type`
pub fn variable(text: &str) -> Result<(String, DataType)> {
    match text.split_once(char::is_whitespace) {
        Some((name, data_type)) => Ok((name.to_lowercase(), parse_type(data_type)?)),
        None => not_understood(format!("\"{text}\" is not read")),
    }
}

/// `name := expression`, or `select expression into name from …`.
pub fn assignment(text: &str) -> Result<(String, Assigned)> {
    if after_word(text, "select").is_some() {
        let (query, name) = without_into(text)?;
        return Ok((name, Assigned::Query(parse_query(&query)?)));
    }
    match text.split_once(":=") {
        Some((name, value)) => {
            let value = Assigned::Expr(Box::new(parse_expr(value.trim())?));
            Ok((name.trim().to_lowercase(), value))
        }
        None => not_understood(format!("\"{text}\" is not read")),
    }
}

/// A query without its `into name`, and the name.
fn without_into(text: &str) -> Result<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let into: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.eq_ignore_ascii_case("into"))
        .map(|(at, _)| at)
        .collect();
    let ([at], false) = (&into[..], text.contains('\'') && text.to_lowercase().contains("' into"))
    else {
        return not_understood(format!("\"{text}\" is not read"));
    };
    let Some(name) = words.get(at + 1) else { return not_understood("into nothing") };
    let query = [&words[..*at], &words[at + 2..]].concat().join(" ");
    Ok((query, name.to_lowercase()))
}

fn strip_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
