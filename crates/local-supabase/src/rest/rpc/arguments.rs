//! The arguments of one call.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::Function;
use crate::rest::error::RestError;
use crate::rest::payload::Object;
use crate::rest::session::Session;
use crate::rest::suggest;
use crate::rest::value;

/// Values by parameter; what was not given is null, like what was given as null.
#[derive(Debug, Default)]
pub struct Arguments(BTreeMap<&'static str, Value>);

impl Arguments {
    /// The body of POST.
    pub(crate) fn from_json(
        function: &Function,
        given: &Object,
        session: Session,
    ) -> Result<Self, RestError> {
        check(function, given.keys().map(String::as_str).collect(), OR_UNNAMED)?;
        let given = function.parameters.iter().filter_map(|p| Some((p, given.get(p.name)?)));
        given
            .map(|(p, json)| Ok((p.name, value::parse_json(p.pg_type, p.name, json, session.now)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The query string of GET.
    pub(crate) fn from_query(
        function: &Function,
        given: &[(String, String)],
        session: Session,
    ) -> Result<Self, RestError> {
        check(function, given.iter().map(|(name, _)| name.as_str()).collect(), "")?;
        let parameter = |name: &str| function.parameters.iter().find(|p| p.name == name);
        let given = given.iter().filter_map(|(name, text)| Some((parameter(name)?, text)));
        given
            .map(|(p, text)| Ok((p.name, value::parse(p.pg_type, text, session.now)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Null where there is none.
    pub fn value(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Null)
    }

    /// An argument of type text or uuid, or the text of one of type jsonb.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The same where the parameter has a default, which only null leaves without a value.
    pub fn text_or<'a>(&'a self, name: &str, default: &'a str) -> Option<&'a str> {
        if self.0.contains_key(name) { self.text(name) } else { Some(default) }
    }

    /// An argument of type bigint, or one of type timestamptz in microseconds since 1970.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// An argument of type jsonb.
    pub fn json(&self, name: &str) -> Option<serde_json::Value> {
        self.text(name).and_then(|text| serde_json::from_str(text).ok())
    }
}

/// What the search for a function called by POST also tries.
const OR_UNNAMED: &str = " or with a single unnamed json/jsonb parameter";

/// Refuses a call whose arguments do not fit.
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

/// The answer to a call of a function that does not exist.
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
