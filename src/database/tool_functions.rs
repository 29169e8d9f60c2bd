//! The project's functions that models may call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Function;

/// Lists the functions whose comment begins with `@tool` and that the caller may execute.
#[derive(Debug, Serialize)]
pub struct ListToolFunctions {}

/// What it replies.
#[derive(Debug, Deserialize)]
pub struct ToolFunctions {
    /// The functions, by their names.
    pub functions: Vec<ToolFunction>,
    /// Why there are none, where there cannot be any.
    pub reason: Option<String>,
}

/// A function, as the catalogue of the database has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ToolFunction {
    /// Its name, without the schema, which is `public`.
    pub name: String,
    /// Its comment, up to 8,193 characters.
    pub comment: String,
    /// PostgREST runs all but volatile ones in a read-only transaction.
    pub volatility: Volatility,
    /// Whether it runs with its owner's rights.
    pub is_security_definer: bool,
    /// Whether it returns any number of rows.
    pub returns_set: bool,
    /// Whether another one has the same name.
    pub is_overloaded: bool,
    /// The inputs, in their order.
    pub arguments: Vec<FunctionArgument>,
}

/// What a function says of its effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// An input of a function.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FunctionArgument {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its type, as SQL writes it.
    #[serde(rename = "type")]
    pub sql_type: String,
    /// JSON Schema of its values; none for types such as `anyelement`.
    pub schema: Option<Value>,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// The default, as SQL.
    pub default: Option<String>,
}

impl Function for ListToolFunctions {
    const NAME: &'static str = "list_tool_functions";
    const IS_REPEATABLE: bool = true;
    type Reply = ToolFunctions;
}
