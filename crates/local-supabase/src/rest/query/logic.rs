//! `or=(title.eq.a,not.and(is_archived.is.true,title.like.b*))`.

use super::ast::{Condition, Filter};
use super::filter;
use super::scanner::{Parsed, Scanner};

/// The operator comes from the parameter's name, so that `or=(…)` is read as `or(…)`.
pub(super) fn parse(text: &str) -> Parsed<Condition> {
    condition(&mut Scanner::new(text), 0)
}

fn condition(scanner: &mut Scanner<'_>, depth: usize) -> Parsed<Condition> {
    scanner.check_depth(depth)?;
    let mut ahead = *scanner;
    if let Some(logic) = logic(&mut ahead, depth)? {
        *scanner = ahead;
        return Ok(logic);
    }
    let field = scanner.field()?;
    scanner.expect(".", "letter, digit, \"-\", \"->>\", \"->\" or delimiter (.)")?;
    let (negated, operation) = filter::operation(scanner, single_value)?;
    Ok(Condition::Filter(Filter { field, negated, operation }))
}

/// A tree, or nothing where a filter follows.
fn logic(scanner: &mut Scanner<'_>, depth: usize) -> Parsed<Option<Condition>> {
    let negated = scanner.eat("not.");
    let any = scanner.eat("or");
    if !any && !scanner.eat("and") {
        return Ok(None);
    }
    scanner.skip_spaces();
    if !scanner.eat("(") {
        return Ok(None);
    }
    let mut conditions = Vec::new();
    loop {
        scanner.skip_spaces();
        conditions.push(condition(scanner, depth + 1)?);
        scanner.skip_spaces();
        if !scanner.eat(",") {
            break;
        }
    }
    scanner.expect(")", "\",\" or \")\"")?;
    Ok(Some(Condition::Logic { negated, any, conditions }))
}

/// A quoted value, an object or array literal, or the text up to the next comma or parenthesis.
fn single_value(scanner: &mut Scanner<'_>) -> String {
    let mut ahead = *scanner;
    if ahead.eat("{") {
        let inside = ahead.take_while(|c| c != '{' && c != '}');
        if ahead.eat("}") {
            *scanner = ahead;
            return format!("{{{inside}}}");
        }
    }
    filter::list_element(scanner)
}
