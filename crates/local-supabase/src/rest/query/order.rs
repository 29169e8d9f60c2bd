//! `order=created_at.desc.nullslast,chats(title)`.

use super::ast::OrderTerm;
use super::scanner::{Parsed, Scanner};

pub(super) fn parse(text: &str) -> Parsed<Vec<OrderTerm>> {
    let mut scanner = Scanner::new(text);
    let mut terms = Vec::new();
    loop {
        terms.push(term(&mut scanner)?);
        if !scanner.eat(",") {
            break;
        }
    }
    if scanner.is_end() { Ok(terms) } else { scanner.fail("delimiter (.), \",\" or end of input") }
}

fn term(scanner: &mut Scanner<'_>) -> Parsed<OrderTerm> {
    scanner.skip_spaces();
    let relation = relation(scanner);
    let field = scanner.field()?;
    if relation.is_some() {
        scanner.expect(")", "\")\"")?;
    }
    let direction = direction(scanner);
    let nulls_first = nulls(scanner, direction.is_some())?;
    let descending = direction == Some(true);
    let term = OrderTerm { relation, field, descending, nulls_first };
    scanner.skip_spaces();
    Ok(term)
}

/// Whether the order is said to be descending.
fn direction(scanner: &mut Scanner<'_>) -> Option<bool> {
    if scanner.eat(".asc") {
        return Some(false);
    }
    scanner.eat(".desc").then_some(true)
}

/// Whether nulls are said to come first.
fn nulls(scanner: &mut Scanner<'_>, directed: bool) -> Parsed<Option<bool>> {
    if !scanner.eat(".") {
        return Ok(None);
    }
    if scanner.eat("nullsfirst") {
        return Ok(Some(true));
    }
    if scanner.eat("nullslast") {
        return Ok(Some(false));
    }
    scanner.fail(if directed {
        "\"nullsfirst\" or \"nullslast\""
    } else {
        "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""
    })
}

/// The relation of `relation(column)`.
fn relation(scanner: &mut Scanner<'_>) -> Option<String> {
    let mut ahead = *scanner;
    let name = ahead.name().ok()?;
    if !ahead.eat("(") {
        return None;
    }
    *scanner = ahead;
    Some(name)
}
