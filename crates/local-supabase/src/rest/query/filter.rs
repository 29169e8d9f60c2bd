//! `eq.1`, `not.in.(a,"b,c")`, `is.null`, `like(any).{a*,b*}`.

use super::ast::{Comparison, FilterOperation, Is, Quantifier};
use super::scanner::{Parsed, Scanner};

/// A filter's text: the operator, perhaps negated, and its value up to the end.
pub(super) fn parse(text: &str) -> Parsed<(bool, FilterOperation)> {
    operation(&mut Scanner::new(text), |scanner| scanner.take_while(|_| true).to_owned())
}

/// Whether a parameter of a function call is a filter instead of an argument.
pub(super) fn has_operator(text: &str) -> bool {
    let Some((operator, _)) = text.split_once('.') else { return false };
    let operator = operator.split('(').next().unwrap_or(operator);
    matches!(operator, "not" | "is" | "in" | "isdistinct" | "cs" | "cd" | "ov")
        || comparison(operator).is_some()
        || is_other_operator(operator)
}

/// `value` reads the operand of an operator that takes one value.
pub(super) fn operation(
    scanner: &mut Scanner<'_>,
    value: impl Fn(&mut Scanner<'_>) -> String,
) -> Parsed<(bool, FilterOperation)> {
    let negated = scanner.eat("not.");
    let start = *scanner;
    let operator = scanner.take_while(|c| c.is_ascii_lowercase());
    let argument = argument(scanner);
    if !scanner.eat(".") {
        return unknown_operator(&start, negated);
    }
    let operation = match (operator, argument) {
        ("in", None) => FilterOperation::In(list(scanner)?),
        ("is", None) => FilterOperation::Is(is(scanner)?),
        ("isdistinct", None) => FilterOperation::IsDistinct(value(scanner)),
        ("cs", None) => FilterOperation::Contains(value(scanner)),
        ("cd", None) => FilterOperation::ContainedIn(value(scanner)),
        ("ov", None) => FilterOperation::Overlaps(value(scanner)),
        (other, _) if is_other_operator(other) => {
            value(scanner);
            FilterOperation::NotImplemented(other.to_owned())
        }
        (other, argument) => match (comparison(other), quantifier(argument)) {
            (Some(comparison), Some(quantifier)) => {
                FilterOperation::Compare { comparison, quantifier, value: value(scanner) }
            }
            _ => return unknown_operator(&start, negated),
        },
    };
    Ok((negated, operation))
}

fn unknown_operator<T>(start: &Scanner<'_>, negated: bool) -> Parsed<T> {
    start.fail(if negated { "operator (eq, gt, ...)" } else { "\"not\" or operator (eq, gt, ...)" })
}

/// The quantifier in parentheses after an operator.
fn argument<'a>(scanner: &mut Scanner<'a>) -> Option<&'a str> {
    let mut ahead = *scanner;
    if !ahead.eat("(") {
        return None;
    }
    let argument = ahead.take_while(|c| c != ')');
    if !ahead.eat(")") {
        return None;
    }
    *scanner = ahead;
    Some(argument)
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "eq" => Comparison::Eq,
        "neq" => Comparison::Neq,
        "gt" => Comparison::Gt,
        "gte" => Comparison::Gte,
        "lt" => Comparison::Lt,
        "lte" => Comparison::Lte,
        "like" => Comparison::Like,
        "ilike" => Comparison::Ilike,
        "match" => Comparison::Match,
        "imatch" => Comparison::Imatch,
        _ => return None,
    })
}

fn is_other_operator(operator: &str) -> bool {
    let others = ["fts", "plfts", "phfts", "wfts", "sl", "sr", "nxr", "nxl", "adj"];
    others.contains(&operator)
}

/// `Some(None)` where there is none, `None` where it is not a quantifier.
fn quantifier(argument: Option<&str>) -> Option<Option<Quantifier>> {
    match argument {
        None => Some(None),
        Some("any") => Some(Some(Quantifier::Any)),
        Some("all") => Some(Some(Quantifier::All)),
        Some(_) => None,
    }
}

fn is(scanner: &mut Scanner<'_>) -> Parsed<Is> {
    let word = scanner.take_while(|c| c.is_ascii_alphabetic() || c == '_').to_ascii_lowercase();
    Ok(match word.as_str() {
        "null" => Is::Null,
        "not_null" => Is::NotNull,
        "true" => Is::True,
        "false" => Is::False,
        "unknown" => Is::Unknown,
        _ => return scanner.fail("isVal: (null, not_null, true, false, unknown)"),
    })
}

fn list(scanner: &mut Scanner<'_>) -> Parsed<Vec<String>> {
    scanner.skip_spaces();
    scanner.expect("(", "\"(\"")?;
    let mut elements = Vec::new();
    loop {
        elements.push(list_element(scanner));
        if !scanner.eat(",") {
            break;
        }
    }
    scanner.expect(")", "\",\" or \")\"")?;
    scanner.skip_spaces();
    Ok(elements)
}

/// A quoted value that ends where an element ends, or the text up to there.
pub(super) fn list_element(scanner: &mut Scanner<'_>) -> String {
    let mut ahead = *scanner;
    if let Some(value) = ahead.quoted()
        && ahead.peek().is_none_or(|c| c == ',' || c == ')')
    {
        *scanner = ahead;
        return value;
    }
    scanner.take_while(|c| c != ',' && c != ')').to_owned()
}
