//! Binding the arguments of a call to the parameters of a function.

use super::arguments::Arguments;
use super::function::Function;
use crate::rest::error::RestError;
use crate::rest::payload::Object;
use crate::rest::session::Session;
use crate::rest::suggest;
use crate::rest::value;

/// The arguments of a call by POST.
pub fn from_json(
    function: &Function,
    given: &Object,
    session: Session,
) -> Result<Arguments, RestError> {
    check(function, given.keys().map(String::as_str).collect(), OR_UNNAMED)?;
    let given = function.parameters.iter().filter_map(|p| Some((p, given.get(p.name)?)));
    given
        .map(|(p, json)| Ok((p.name, value::parse_json(p.pg_type, p.name, json, session.now)?)))
        .collect::<Result<_, _>>()
        .map(Arguments::new)
}

/// The arguments of a call by GET.
pub fn from_query(
    function: &Function,
    given: &[(String, String)],
    session: Session,
) -> Result<Arguments, RestError> {
    check(function, given.iter().map(|(name, _)| name.as_str()).collect(), "")?;
    let parameter = |name: &str| function.parameters.iter().find(|p| p.name == name);
    let given = given.iter().filter_map(|(name, text)| Some((parameter(name)?, text)));
    given
        .map(|(p, text)| Ok((p.name, value::parse(p.pg_type, text, session.now)?)))
        .collect::<Result<_, _>>()
        .map(Arguments::new)
}

/// For calls by POST, PostgREST also looks for a function with one unnamed parameter.
const OR_UNNAMED: &str = " or with a single unnamed json/jsonb parameter";

/// Refuses a call whose arguments do not match the parameters.
fn check(function: &Function, mut given: Vec<&str>, or_unnamed: &str) -> Result<(), RestError> {
    given.sort_unstable();
    given.dedup();
    let known = |name: &&str| function.parameters.iter().any(|p| p.name == *name);
    let complete = function.parameters.iter().all(|p| !p.required || given.contains(&p.name));
    if complete && given.iter().all(known) {
        return Ok(());
    }
    let mut names: Vec<_> = function.parameters.iter().map(|p| p.name).collect();
    names.sort_unstable();
    let signature = format!("({})", names.join(", "));
    let near = suggest::nearest(&format!("({})", given.join(", ")), [signature.as_str()]);
    let near = near.map(|near| format!("{}{near}", function.name));
    Err(RestError::function_not_found(function.name, &given, or_unnamed, near.as_deref()))
}

/// The error for a function that does not exist.
pub(super) fn unknown_function(
    functions: &[Function],
    name: &str,
    mut given: Vec<&str>,
    by_post: bool,
) -> RestError {
    given.sort_unstable();
    given.dedup();
    let near = suggest::nearest(name, functions.iter().map(|function| function.name));
    let or_unnamed = if by_post { OR_UNNAMED } else { "" };
    RestError::function_not_found(name, &given, or_unnamed, near.as_deref())
}
