//! What a function is as a tool, or why it is none.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::comment::{Approval, Comment, MAX_CHARS};
use crate::agent::tools::source::{Policy, SourceTool};
use crate::config::file::postgres::FunctionApproval;
use crate::database::{FunctionArgument, ToolFunction, Volatility};

/// A function that models may call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    /// Its name in the database.
    pub(super) function: String,
    pub(super) only_reads: bool,
    pub(super) returns_set: bool,
    pub(super) tool: SourceTool,
}

/// What `chat-backend check` says of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The function's name.
    pub function: String,
    /// Whether it is offered.
    pub is_offered: bool,
    /// What its author should fix, each a sentence.
    pub problems: Vec<String>,
}

/// The limits of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) approval: FunctionApproval,
    pub(super) deadline: Duration,
    pub(super) max_result_bytes: usize,
}

/// All functions: what is offered, and what is wrong with each.
pub(super) fn define_all(
    functions: &[ToolFunction],
    limits: Limits,
) -> (Vec<Definition>, Vec<Inspection>) {
    let mut definitions: Vec<Definition> = Vec::new();
    let mut inspections = Vec::new();
    for function in functions {
        let comment = Comment::read(&function.comment);
        let mut problems = comment.mistakes.clone();
        problems.extend(contradictions(function, &comment));
        let offered = obstacle(function, &comment).map_or_else(
            || {
                let definition = define(function, &comment, limits);
                let name = &definition.tool.name;
                let is_taken = definitions.iter().any(|other| other.tool.name == *name);
                if is_taken {
                    Err(format!("another tool is called {name}"))
                } else {
                    Ok(definition)
                }
            },
            Err,
        );
        let is_offered = offered.is_ok();
        match offered {
            Ok(definition) => definitions.push(definition),
            Err(problem) => problems.push(problem),
        }
        inspections.push(Inspection { function: function.name.clone(), is_offered, problems });
    }
    (definitions, inspections)
}

/// Why a function cannot be offered.
fn obstacle(function: &ToolFunction, comment: &Comment) -> Option<String> {
    let unnamed = function.arguments.iter().any(|argument| argument.name.is_none());
    let foreign = function.arguments.iter().find(|argument| argument.schema.is_none());
    let has_no_schema = comment.mistakes.iter().any(|mistake| mistake.starts_with("@schema"));
    if function.is_overloaded {
        Some("it is overloaded: another function has the same name".into())
    } else if unnamed {
        Some("an argument has no name, so it cannot be called by name".into())
    } else if let Some(argument) = foreign {
        Some(format!("no values can be sent for the type {}", argument.sql_type))
    } else if function.is_security_definer && !comment.may_define {
        Some(
            "it is security definer, past row-level security: add @security_definer if models \
              may call it"
                .into(),
        )
    } else if function.comment.chars().count() > MAX_CHARS {
        Some(format!("its comment is longer than {MAX_CHARS} characters"))
    } else if comment.description.is_empty() {
        Some("its comment does not say what it does".into())
    } else if [".", ".."].contains(&&*function.name) {
        Some("its name cannot be part of an address".into())
    } else {
        has_no_schema.then(|| "its schema is not known".into())
    }
}

/// What the comment says and does not count.
fn contradictions(function: &ToolFunction, comment: &Comment) -> Vec<String> {
    let mut problems = Vec::new();
    let is_argument = |name: &str| {
        function.arguments.iter().any(|argument| argument.name.as_deref() == Some(name))
    };
    for (name, _) in &comment.parameters {
        if !is_argument(name) {
            problems.push(format!("@param {name}: it has no such argument"));
        }
    }
    if function.is_security_definer && comment.approval == Some(Approval::Never) {
        problems.push("@approval never does not count for security definer".into());
    }
    if comment.may_define && !function.is_security_definer {
        problems.push("@security_definer: it is none".into());
    }
    let properties = comment.schema.as_ref().and_then(|schema| schema["properties"].as_object());
    for name in properties.into_iter().flat_map(Map::keys).filter(|name| !is_argument(name)) {
        problems.push(format!("@schema has the property {name}: it has no such argument"));
    }
    problems
}

fn define(function: &ToolFunction, comment: &Comment, limits: Limits) -> Definition {
    // PostgREST holds all others to reading.
    let only_reads = function.volatility != Volatility::Volatile && !function.is_security_definer;
    let (policy, reason) = policy(function, comment, limits.approval);
    Definition {
        function: function.name.clone(),
        only_reads,
        returns_set: function.returns_set,
        tool: SourceTool {
            name: comment.name.clone().unwrap_or_else(|| function.name.clone()),
            description: comment.description.clone(),
            parameters: comment.schema.clone().unwrap_or_else(|| parameters(function, comment)),
            policy,
            reason: reason.map(str::to_owned),
            may_edit: true,
            may_remember: !function.is_security_definer,
            is_repeatable: only_reads || comment.is_repeatable,
            deadline: limits.deadline,
            max_result_bytes: limits.max_result_bytes,
            ..SourceTool::default()
        },
    }
}

/// The strictest of what the function is, what its comment and what the operator say.
fn policy(
    function: &ToolFunction,
    comment: &Comment,
    approval: FunctionApproval,
) -> (Policy, Option<&'static str>) {
    let asked = if function.is_security_definer {
        Some("It runs with its owner's rights.")
    } else if approval == FunctionApproval::Always {
        Some("All functions of the database are asked about.")
    } else if comment.approval == Some(Approval::Always) {
        Some("Its author wants you to be asked.")
    } else if !comment.mistakes.is_empty() {
        Some("Its comment could not be understood.")
    } else if function.volatility == Volatility::Volatile
        && comment.approval.is_none()
        && approval == FunctionApproval::Auto
    {
        Some("It may change data.")
    } else {
        None
    };
    (if asked.is_some() { Policy::Always } else { Policy::Never }, asked)
}

fn parameters(function: &ToolFunction, comment: &Comment) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for argument in &function.arguments {
        let Some(name) = &argument.name else { continue };
        let text = comment.parameters.iter().find(|(parameter, _)| parameter == name);
        properties.insert(name.clone(), property(argument, text.map(|(_, text)| &**text)));
        if !argument.is_optional {
            required.push(name);
        }
    }
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

fn property(argument: &FunctionArgument, text: Option<&str>) -> Value {
    let mut schema = argument.schema.clone().unwrap_or_default();
    let described = schema["description"].as_str().map(str::to_owned);
    let default = argument.default.as_deref().filter(|default| !default.starts_with("NULL"));
    let default = default.map(|default| format!("Default: {}", without_cast(default)));
    let texts = [text.map(str::to_owned), described, default];
    let texts: Vec<_> = texts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if let (Some(schema), false) = (schema.as_object_mut(), texts.is_empty()) {
        schema.insert("description".into(), texts.join(". ").replace("..", ".").into());
    }
    schema
}

/// `''` of `''::text`.
fn without_cast(default: &str) -> &str {
    match default.rsplit_once("::") {
        Some((value, cast)) if !cast.contains(['\'', ')', ' ']) => value,
        _ => default,
    }
}
