//! `select=id,name:title,metadata->>kind,total::text,messages!inner(content)`.

use super::ast::{Embed, Node, SelectField, SelectItem};
use super::scanner::{Parsed, Scanner};

pub(super) fn parse(text: &str) -> Parsed<Vec<SelectItem>> {
    let mut scanner = Scanner::new(text);
    let items = items(&mut scanner, 0)?;
    if scanner.is_end() { Ok(items) } else { scanner.fail("\",\" or end of input") }
}

/// Nothing at all is a select of no columns.
fn items(scanner: &mut Scanner<'_>, depth: usize) -> Parsed<Vec<SelectItem>> {
    scanner.check_depth(depth)?;
    let mut items = Vec::new();
    scanner.skip_spaces();
    if scanner.is_end() || scanner.rest().starts_with(')') {
        return Ok(items);
    }
    loop {
        scanner.skip_spaces();
        items.push(item(scanner, depth)?);
        scanner.skip_spaces();
        if !scanner.eat(",") {
            return Ok(items);
        }
    }
}

fn item(scanner: &mut Scanner<'_>, depth: usize) -> Parsed<SelectItem> {
    if scanner.eat("...") {
        let relation = scanner.name()?;
        return embed(scanner, None, relation, true, depth);
    }
    if scanner.eat("*") {
        return ended(scanner, SelectItem::Star);
    }
    if !scanner.peek().is_some_and(|c| c == '"' || c.is_alphanumeric() || "_ $".contains(c)) {
        return scanner.fail("\"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"");
    }
    let alias = alias(scanner);
    if scanner.eat("count()") {
        return Ok(SelectItem::Aggregate);
    }
    let mut ahead = *scanner;
    let relation = ahead.name()?;
    if ahead.peek().is_some_and(|c| c == '!' || c == '(') {
        *scanner = ahead;
        return embed(scanner, alias, relation, false, depth);
    }
    field(scanner, alias)
}

fn alias(scanner: &mut Scanner<'_>) -> Option<String> {
    let mut ahead = *scanner;
    let alias = ahead.name().ok()?;
    if !ahead.eat(":") || ahead.rest().starts_with(':') {
        return None;
    }
    *scanner = ahead;
    Some(alias)
}

fn field(scanner: &mut Scanner<'_>, alias: Option<String>) -> Parsed<SelectItem> {
    let field = scanner.field()?;
    let cast = if scanner.eat("::") { Some(scanner.identifier()?) } else { None };
    if scanner.eat(".") {
        return aggregate(scanner);
    }
    ended(scanner, SelectItem::Field(SelectField { alias, field, cast }))
}

fn aggregate(scanner: &mut Scanner<'_>) -> Parsed<SelectItem> {
    let known = ["sum()", "avg()", "count()", "max()", "min()"];
    if known.iter().any(|function| scanner.eat(function)) {
        return Ok(SelectItem::Aggregate);
    }
    scanner.fail("\"sum\", \"avg\", \"count\", \"max\" or \"min\"")
}

fn ended(scanner: &Scanner<'_>, item: SelectItem) -> Parsed<SelectItem> {
    match scanner.peek() {
        None | Some(',' | ')' | ' ') => Ok(item),
        Some(_) => scanner.fail(
            "letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input",
        ),
    }
}

fn embed(
    scanner: &mut Scanner<'_>,
    alias: Option<String>,
    relation: String,
    spread: bool,
    depth: usize,
) -> Parsed<SelectItem> {
    let mut hint = None;
    let mut inner = false;
    while scanner.eat("!") {
        match scanner.name()?.as_str() {
            "inner" => inner = true,
            "left" => {}
            other => hint = Some(other.to_owned()),
        }
    }
    scanner.expect("(", "\"!\" or \"(\"")?;
    let select = items(scanner, depth + 1)?;
    scanner.expect(")", "\",\" or \")\"")?;
    let node = Node { select, ..Node::default() };
    Ok(SelectItem::Embed(Embed { alias, relation, hint, inner, spread, node }))
}
