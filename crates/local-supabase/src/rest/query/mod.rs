//! Query strings: PostgREST's language for what to read, filter, order and embed.
//!
//! Nothing here knows the schema; names become identifiers only by lookup in `schema`.

mod ast;
mod filter;
mod logic;
mod order;
mod scanner;
mod select;
mod url;

pub(super) use ast::*;
pub(super) use url::{decode, encode};

use scanner::{Parsed, Scanner};

use super::error::RestError;

/// A URL has room for more, but no sensible query needs them.
const MAX_CONDITIONS: usize = 5000;
const MAX_SELECT_ITEMS: usize = 500;

/// A query string.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query {
    pub root: Node,
    /// `columns`: the keys of the payload that are used.
    pub columns: Option<Vec<String>>,
    pub on_conflict: Option<Vec<String>>,
    /// What a function is called with by GET.
    pub arguments: Vec<(String, String)>,
    /// Whether the root has `limit` or `offset`.
    pub has_range: bool,
    /// The parameters sorted by name, for `Content-Location`.
    pub canonical: String,
}

/// Reads a query string. In the call of a function by GET (`takes_arguments`), a parameter without
/// an operator is an argument.
pub(super) fn parse(text: &str, takes_arguments: bool) -> Result<Query, RestError> {
    let parameters = decode(text);
    let mut query = Query { canonical: url::canonical(&parameters), ..Query::default() };
    let select = first(&parameters, "select").unwrap_or("*");
    query.root.select =
        select::parse(select).map_err(|e| e.in_parameter("select parameter", select))?;
    query.columns = names(&parameters, "columns")?;
    query.on_conflict = names(&parameters, "on_conflict")?;
    for (key, value) in &parameters {
        if matches!(key.as_str(), "select" | "columns" | "on_conflict") {
            continue;
        }
        apply(&mut query, key, value, takes_arguments)?;
    }
    let offset = parameters.iter().rfind(|(name, _)| name == "offset");
    cut(&mut query.root, offset.map(|(_, offset)| offset.as_str()))?;
    check_size(&query.root)?;
    Ok(query)
}

fn first<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn apply(
    query: &mut Query,
    key: &str,
    value: &str,
    takes_arguments: bool,
) -> Result<(), RestError> {
    match key.rsplit('.').next().unwrap_or(key) {
        "order" => {
            let node = node_at(&mut query.root, &path(key)?.0)?;
            if node.order.is_empty() {
                node.order = order::parse(value).map_err(|e| e.in_parameter("order", value))?;
            }
        }
        "limit" => {
            query.has_range |= key == "limit";
            node_at(&mut query.root, &path(key)?.0)?.limit = limit(value)?;
        }
        "offset" => {
            query.has_range |= key == "offset";
            let offset: i64 = value.parse().unwrap_or(0);
            match u64::try_from(offset) {
                Ok(offset) => node_at(&mut query.root, &path(key)?.0)?.offset = offset,
                // Of the root's rows there are none before the first; see `cut`.
                Err(_) if key == "offset" => query.root.offset = 0,
                Err(_) => return Err(RestError::sql("2201X", "OFFSET must not be negative")),
            }
        }
        "and" | "or" => add_logic(&mut query.root, key, value)?,
        _ if takes_arguments && !key.contains('.') && !filter::has_operator(value) => {
            query.arguments.push((key.to_owned(), value.to_owned()));
        }
        _ => add_filter(&mut query.root, key, value)?,
    }
    Ok(())
}

fn add_filter(root: &mut Node, key: &str, value: &str) -> Result<(), RestError> {
    let (embeds, field) = path(key)?;
    let (negated, operation) = filter::parse(value).map_err(|e| e.in_parameter("filter", value))?;
    let condition = Condition::Filter(Filter { field, negated, operation });
    node_at(root, &embeds)?.conditions.push(condition);
    Ok(())
}

fn add_logic(root: &mut Node, key: &str, value: &str) -> Result<(), RestError> {
    let (mut embeds, operator) = path(key)?;
    let negated = embeds.iter().any(|name| name == "not");
    embeds.retain(|name| name != "not");
    let text = format!("{}{}{value}", if negated { "not." } else { "" }, operator.name);
    let condition = logic::parse(&text).map_err(|e| e.in_parameter("logic tree", value))?;
    node_at(root, &embeds)?.conditions.push(condition);
    Ok(())
}

/// `messages.metadata->>kind`: the embeds on the way and the field.
fn path(key: &str) -> Result<(Vec<String>, Field), RestError> {
    let parse = || -> Parsed<_> {
        let mut scanner = Scanner::new(key);
        let mut embeds = Vec::new();
        loop {
            let field = scanner.field()?;
            if scanner.is_end() {
                return Ok((embeds, field));
            }
            scanner.expect(
                ".",
                "letter, digit, \"-\", \"->>\", \"->\", delimiter (.) or end of input",
            )?;
            embeds.push(field.name);
        }
    };
    parse().map_err(|e| e.in_parameter("tree path", key))
}

fn node_at<'a>(root: &'a mut Node, path: &[String]) -> Result<&'a mut Node, RestError> {
    path.iter().try_fold(root, |node, name| match node.embed_mut(name) {
        Some(embed) => Ok(&mut embed.node),
        None => Err(RestError::not_embedded(name)),
    })
}

/// What is not a number is ignored, as PostgREST does.
fn limit(value: &str) -> Result<Option<u64>, RestError> {
    let number: Option<i64> = value.parse().ok();
    if number.is_some_and(i64::is_negative) {
        return Err(negative_limit());
    }
    Ok(number.map(i64::unsigned_abs))
}

/// The root's limit counts from its offset on, although that may be negative; PostgREST takes only no
/// rows at all from the first for a range.
fn cut(root: &mut Node, offset: Option<&str>) -> Result<(), RestError> {
    let offset: i64 = offset.and_then(|text| text.parse().ok()).unwrap_or(0);
    let Some(limit) = root.limit else { return Ok(()) };
    let skipped = if offset < 0 { offset.unsigned_abs() } else { 0 };
    match limit.checked_sub(skipped) {
        Some(limit) if limit > 0 || offset <= 0 => root.limit = Some(limit),
        _ => return Err(negative_limit()),
    }
    Ok(())
}

fn negative_limit() -> RestError {
    RestError::invalid_range("Limit should be greater than or equal to zero.")
}

fn names(
    parameters: &[(String, String)],
    parameter: &str,
) -> Result<Option<Vec<String>>, RestError> {
    let Some(text) = first(parameters, parameter) else { return Ok(None) };
    let parse = || -> Parsed<Vec<String>> {
        let mut scanner = Scanner::new(text);
        let mut names = vec![scanner.name()?];
        scanner.skip_spaces();
        while scanner.eat(",") {
            scanner.skip_spaces();
            names.push(scanner.name()?);
            scanner.skip_spaces();
        }
        Ok(names)
    };
    parse().map(Some).map_err(|e| e.in_parameter(&format!("{parameter} parameter"), text))
}

fn check_size(root: &Node) -> Result<(), RestError> {
    let (conditions, items) = size(root);
    if conditions > MAX_CONDITIONS {
        return Err(RestError::too_complex());
    }
    if items > MAX_SELECT_ITEMS {
        return Err(RestError::too_many_columns(MAX_SELECT_ITEMS));
    }
    Ok(())
}

fn size(node: &Node) -> (usize, usize) {
    let own = (node.conditions.iter().map(conditions).sum::<usize>(), node.select.len());
    node.embeds().fold(own, |(conditions, items), embed| {
        let inside = size(&embed.node);
        (conditions + inside.0, items + inside.1)
    })
}

fn conditions(condition: &Condition) -> usize {
    match condition {
        Condition::Filter(_) => 1,
        Condition::Logic { conditions: inside, .. } => inside.iter().map(conditions).sum(),
    }
}
