//! Query strings, in PostgREST's language. What is not understood panics, so that a new kind of
//! request is noticed: how PostgREST refuses what it cannot parse is no matter of PostgreSQL.

use super::super::literal;
use super::failure::Failure;
use super::scanner::Scanner;

/// What is asked of one relation.
#[derive(Default)]
pub struct Read {
    pub items: Vec<Item>,
    pub embeds: Vec<Embed>,
    pub conditions: Vec<Condition>,
    pub order: Vec<Term>,
    pub limit: Option<u64>,
    pub offset: u64,
}

pub struct Item {
    pub field: Field,
    pub cast: Option<String>,
    pub alias: Option<String>,
    pub is_aggregate: bool,
}

/// A column and the arrows behind it, as SQL.
pub struct Field {
    pub name: String,
    pub path: String,
    /// The last key of the path that is not an index.
    pub key: Option<String>,
}

pub struct Embed {
    pub alias: Option<String>,
    pub relation: String,
    pub hint: Option<String>,
    pub inner: bool,
    pub spread: bool,
    pub read: Read,
}

pub struct Term {
    /// The embedded relation that the column is of.
    pub relation: Option<String>,
    pub field: Field,
    /// `ASC NULLS LAST`
    pub way: String,
}

pub enum Condition {
    Compare { field: Field, negated: bool, operation: Operation },
    Logic { negated: bool, any: bool, conditions: Vec<Condition> },
}

pub enum Operation {
    Binary { operator: &'static str, quantifier: Option<String>, value: String },
    In(Vec<String>),
    Is(String),
    IsDistinct(String),
}

#[derive(Default)]
pub struct Query {
    pub read: Read,
    pub columns: Option<Vec<String>>,
    pub on_conflict: Option<Vec<String>>,
    /// What a function is called with by GET.
    pub arguments: Vec<(String, String)>,
}

pub fn parse(text: &str, is_call_by_get: bool) -> Result<Query, Failure> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let mut query = Query::default();
    let select = pairs.iter().find(|(name, _)| name == "select");
    let mut scanner = Scanner::new(select.map_or("*", |(_, columns)| columns));
    query.read = read(&mut scanner);
    scanner.expect_end();
    for (name, value) in pairs.iter().filter(|(name, _)| name != "select") {
        match name.as_str() {
            "columns" => query.columns = Some(names(value)),
            "on_conflict" => query.on_conflict = Some(names(value)),
            _ => apply(&mut query, name, value, is_call_by_get)?,
        }
    }
    Ok(query)
}

fn apply(query: &mut Query, name: &str, value: &str, is_call_by_get: bool) -> Result<(), Failure> {
    let (path, last) = path(name);
    let last_word = name.rsplit('.').next().unwrap_or_default();
    let negated = path.iter().any(|part| part == "not");
    let path: Vec<_> = path.iter().filter(|part| *part != "not").map(String::as_str).collect();
    let operation = filter(&mut Scanner::new(value), &|scanner| scanner.rest().to_owned());
    let is_reserved = ["order", "limit", "offset", "and", "or"].contains(&last_word);
    if is_call_by_get && path.is_empty() && operation.is_none() && !is_reserved {
        query.arguments.push((name.to_owned(), value.to_owned()));
        return Ok(());
    }
    let read = at(&mut query.read, &path)?;
    match last_word {
        "order" => read.order = order(value),
        "limit" => read.limit = value.parse().ok(),
        "offset" => read.offset = value.parse().unwrap_or(0),
        "and" | "or" => {
            let negation = if negated { "not." } else { "" };
            let text = format!("{negation}{last_word}{value}");
            read.conditions.push(condition(&mut Scanner::new(&text)));
        }
        _ => {
            let (negated, operation) =
                operation.unwrap_or_else(|| panic!("no operator of PostgREST: {name}={value}"));
            read.conditions.push(Condition::Compare { field: last, negated, operation });
        }
    }
    Ok(())
}

/// The embeds on the way to a field, and the field.
fn path(name: &str) -> (Vec<String>, Field) {
    let mut scanner = Scanner::new(name);
    let mut path = Vec::new();
    loop {
        let field = field(&mut scanner);
        if !scanner.eat(".") {
            scanner.expect_end();
            return (path, field);
        }
        path.push(field.name);
    }
}

fn at<'a>(read: &'a mut Read, path: &[&str]) -> Result<&'a mut Read, Failure> {
    path.iter().try_fold(read, |read, name| {
        let is_named =
            |embed: &Embed| embed.relation == *name || embed.alias.as_deref() == Some(name);
        match read.embeds.iter_mut().find(|embed| is_named(embed)) {
            Some(embed) => Ok(&mut embed.read),
            None => Err(not_embedded(name)),
        }
    })
}

pub fn not_embedded(name: &str) -> Failure {
    let message = format!("'{name}' is not an embedded resource in this request");
    let hint = format!("Verify that '{name}' is included in the 'select' query parameter.");
    Failure::new(400, "PGRST108", message).hint(hint)
}

fn names(text: &str) -> Vec<String> {
    let mut scanner = Scanner::new(text);
    let mut names = vec![scanner.name()];
    while scanner.eat(",") {
        names.push(scanner.name());
    }
    scanner.expect_end();
    names
}

/// A select's items up to the end or the closing parenthesis.
fn read(scanner: &mut Scanner<'_>) -> Read {
    let mut read = Read::default();
    while !scanner.is_end() && !scanner.is_at(")") {
        item(scanner, &mut read);
        if !scanner.eat(",") {
            break;
        }
    }
    read
}

fn item(scanner: &mut Scanner<'_>, read: &mut Read) {
    let spread = scanner.eat("...");
    if scanner.eat("*") {
        let field = Field { name: "*".to_owned(), path: String::new(), key: None };
        read.items.push(Item { field, cast: None, alias: None, is_aggregate: false });
        return;
    }
    let alias = scanner.alias();
    let is_aggregate = scanner.eat("count()");
    let mut ahead = *scanner;
    if !is_aggregate && !spread_or_relation(&mut ahead) {
        let field = field(scanner);
        let cast = scanner.eat("::").then(|| scanner.name());
        let is_aggregate = scanner.eat(".");
        let aggregate = ["sum()", "avg()", "count()", "max()", "min()"];
        assert!(!is_aggregate || aggregate.iter().any(|function| scanner.eat(function)));
        let alias = alias.or_else(|| field.key.clone());
        read.items.push(Item { field, cast, alias, is_aggregate });
    } else if is_aggregate {
        let field = Field { name: "*".to_owned(), path: String::new(), key: None };
        read.items.push(Item { field, cast: None, alias, is_aggregate });
    } else {
        read.embeds.push(embed(scanner, alias, spread));
    }
}

fn spread_or_relation(ahead: &mut Scanner<'_>) -> bool {
    ahead.name();
    ahead.is_at("!") || ahead.is_at("(")
}

fn embed(scanner: &mut Scanner<'_>, alias: Option<String>, spread: bool) -> Embed {
    let relation = scanner.name();
    let (mut hint, mut inner) = (None, false);
    while scanner.eat("!") {
        match scanner.name().as_str() {
            "inner" => inner = true,
            "left" => {}
            other => hint = Some(other.to_owned()),
        }
    }
    scanner.expect("(");
    let read = read(scanner);
    scanner.expect(")");
    Embed { alias, relation, hint, inner, spread, read }
}

fn field(scanner: &mut Scanner<'_>) -> Field {
    let mut field = Field { name: scanner.name(), path: String::new(), key: None };
    while scanner.eat("->") {
        let arrow = if scanner.eat(">") { "->>" } else { "->" };
        let step = scanner.name();
        match step.parse::<i32>() {
            Ok(index) => field.path += &format!("{arrow}{index}"),
            Err(_) => {
                field.path += &format!("{arrow}{}", literal(&step.as_str().into()));
                field.key = Some(step);
            }
        }
    }
    if !field.path.is_empty() && field.key.is_none() {
        field.key = Some(field.name.clone());
    }
    field
}

fn order(text: &str) -> Vec<Term> {
    let mut scanner = Scanner::new(text);
    let mut terms = Vec::new();
    loop {
        let mut ahead = scanner;
        let name = ahead.name();
        let relation = ahead.eat("(").then_some(name);
        if relation.is_some() {
            scanner = ahead;
        }
        let field = field(&mut scanner);
        if relation.is_some() {
            scanner.expect(")");
        }
        let mut way = String::new();
        for (word, sql) in [
            (".asc", "ASC"),
            (".desc", "DESC"),
            (".nullsfirst", " NULLS FIRST"),
            (".nullslast", " NULLS LAST"),
        ] {
            way += if scanner.eat(word) { sql } else { "" };
        }
        terms.push(Term { relation, field, way });
        if !scanner.eat(",") {
            scanner.expect_end();
            return terms;
        }
    }
}

/// `or(a.eq.1,not.and(…))`
fn condition(scanner: &mut Scanner<'_>) -> Condition {
    let mut ahead = *scanner;
    let negated = ahead.eat("not.");
    let any = ahead.eat("or");
    if (any || ahead.eat("and")) && ahead.eat("(") {
        *scanner = ahead;
        let mut conditions = vec![condition(scanner)];
        while scanner.eat(",") {
            conditions.push(condition(scanner));
        }
        scanner.expect(")");
        return Condition::Logic { negated, any, conditions };
    }
    let field = field(scanner);
    scanner.expect(".");
    let (negated, operation) = filter(scanner, &|scanner| scanner.element()).expect("an operator");
    Condition::Compare { field, negated, operation }
}

const OPERATORS: [(&str, &str); 12] = [
    ("eq", "="),
    ("neq", "<>"),
    ("gte", ">="),
    ("gt", ">"),
    ("lte", "<="),
    ("lt", "<"),
    ("like", "like"),
    ("ilike", "ilike"),
    ("match", "~"),
    ("imatch", "~*"),
    ("cs", "@>"),
    ("cd", "<@"),
];

/// A filter's operator and value; nothing where there is no operator.
fn filter(
    scanner: &mut Scanner<'_>,
    value: &dyn Fn(&mut Scanner<'_>) -> String,
) -> Option<(bool, Operation)> {
    let negated = scanner.eat("not.");
    if scanner.eat("in.") {
        return Some((negated, Operation::In(scanner.list())));
    }
    if scanner.eat("isdistinct.") {
        return Some((negated, Operation::IsDistinct(value(scanner))));
    }
    if scanner.eat("is.") {
        let word = scanner.name().to_uppercase().replace("NOT_NULL", "NOT NULL");
        let known = ["NULL", "NOT NULL", "TRUE", "FALSE", "UNKNOWN"];
        assert!(known.contains(&word.as_str()), "IS {word}");
        return Some((negated, Operation::Is(word)));
    }
    let word = scanner.rest().split(['.', '(']).next()?;
    let operators = OPERATORS.iter().chain(&[("ov", "&&")]);
    let operator = operators.into_iter().find(|(name, _)| *name == word)?.1;
    scanner.expect(word);
    let quantifier = ["any", "all"].into_iter().find(|q| scanner.eat(&format!("({q})")));
    let quantifier = quantifier.map(str::to_uppercase);
    if !scanner.eat(".") {
        return None;
    }
    let value = value(scanner);
    let value = if operator.ends_with("like") { value.replace('*', "%") } else { value };
    Some((negated, Operation::Binary { operator, quantifier, value }))
}
