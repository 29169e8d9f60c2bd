//! What a tool is. A tool's failure is a result that the model sees, never the end of the chat.

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::providers::ToolDefinition;

#[cfg(test)]
mod count_words;
pub mod source;
mod schema;
mod span;
pub(super) mod json_schema;
pub(super) mod client;
pub(super) mod waiting_call;
pub(super) mod approval;
pub(super) mod digest;
pub(super) mod redact;
pub(super) mod built_in;
pub mod sources;
pub(super) mod progress;
mod result;
pub(super) mod execute;

pub use json_schema::fits_foreign;
use source::ToolContext;

/// What the file of a tool needs.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::Deserialize;
    pub use serde_json::{Value, json};

    pub use super::source::ToolContext;
    pub use super::{Tool, ToolResult};
}

/// What the model gets to read. `Err` is a sentence that helps it to do better.
pub type ToolResult = Result<Value, String>;

/// Something that the model may call.
pub trait Tool: Send + Sync {
    /// What the model sends. Its JSON Schema is derived; the doc comment of a field is the description
    /// that the model reads. Optional arguments are `Option`s, because models write null for them.
    type Arguments: DeserializeOwned + JsonSchema + Send;

    /// The name by which requests and models call it: `[A-Za-z0-9_-]{1,64}`.
    const NAME: &'static str;

    /// What it does, for the model.
    const DESCRIPTION: &'static str;

    /// Why a person is asked before it runs; none if it runs at once.
    const ASKS: Option<&'static str> = None;

    /// Runs it with the caller's own rights. A stop drops the future.
    fn run(
        &self,
        arguments: Self::Arguments,
        context: &ToolContext,
    ) -> impl Future<Output = ToolResult> + Send;

    /// The description for the model.
    fn definition(&self) -> ToolDefinition {
        define::<Self>()
    }

    /// What the person gets to see besides the result: parts of the message, such as files.
    fn parts(&self, _output: &Value) -> Vec<Value> {
        Vec::new()
    }
}

/// A tool's name, description and derived schema.
pub fn define<T: Tool + ?Sized>() -> ToolDefinition {
    ToolDefinition {
        name: T::NAME.into(),
        description: T::DESCRIPTION.into(),
        parameters: schema::parameters::<T::Arguments>(),
    }
}

/// A tool whose type of arguments is not known here. Every [`Tool`] is one.
pub trait AnyTool: Send + Sync {
    /// The name.
    fn name(&self) -> &'static str;

    /// The description for the model.
    fn definition(&self) -> ToolDefinition;

    /// Why a person is asked before it runs; none if it runs at once.
    fn asks(&self) -> Option<&'static str>;

    /// Reads the arguments and runs the tool.
    fn call<'a>(
        &'a self,
        arguments: &'a Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, ToolResult>;

    /// What the person gets to see besides the result.
    fn parts(&self, output: &Value) -> Vec<Value>;
}

impl<T: Tool> AnyTool for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn definition(&self) -> ToolDefinition {
        Tool::definition(self)
    }

    fn asks(&self) -> Option<&'static str> {
        T::ASKS
    }

    fn call<'a>(
        &'a self,
        arguments: &'a Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, ToolResult> {
        async move { self.run(parse(arguments)?, context).await }.boxed()
    }

    fn parts(&self, output: &Value) -> Vec<Value> {
        Tool::parts(self, output)
    }
}

/// Reads arguments, which have been checked against the derived schema. `Err` is the message for the model.
fn parse<T: DeserializeOwned>(arguments: &Value) -> Result<T, String> {
    if !arguments.is_object() {
        return Err("The arguments do not fit: they must be a JSON object.".into());
    }
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { format!("{path}: ") };
        format!("The arguments do not fit: {path}{}.", error.inner())
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::agent::Credentials;
    use crate::supabase::AccessToken;

    #[test]
    fn the_recipe_is_the_example_that_compiles() {
        let recipes = include_str!("../../../CONTRIBUTING.md").replace('\r', "");
        let example = include_str!("count_words.rs").replace('\r', "");
        assert!(recipes.contains(&format!("```rust\n{example}```")));
    }

    #[tokio::test]
    async fn a_tool_is_called_with_json() {
        let token = AccessToken::new("token");
        let credentials = Credentials::new(uuid::Uuid::nil(), token, 0);
        let context = ToolContext::of(credentials);
        let tool: &dyn AnyTool = &count_words::CountWords;
        let called = tool.call(&json!({ "text": "one two" }), &context).await;
        assert_eq!(called, Ok(json!({ "words": 2 })));
        assert!(tool.call(&json!({ "text": 1 }), &context).await.is_err());
        let definition = tool.definition();
        assert_eq!((tool.name(), &*definition.name), ("count_words", "count_words"));
        assert_eq!(definition.parameters["required"], json!(["text"]));
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Unit {
        Metre,
        Foot,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read by Debug")]
    struct Arguments {
        code: String,
        ids: Option<Vec<String>>,
        unit: Option<Unit>,
        count: Option<u64>,
    }

    #[test]
    fn the_first_argument_that_does_not_fit_is_named() {
        for (arguments, problem) in [
            (json!({ "code": "1", "more": 1, "ids": null }), None),
            (json!({ "code": "1", "ids": ["a"], "unit": "foot", "count": 3 }), None),
            (json!(["1"]), Some("they must be a JSON object")),
            (json!({}), Some("missing field `code`")),
            (json!({ "code": 1 }), Some("code: invalid type: integer `1`, expected a string")),
            (json!({ "code": null }), Some("code: invalid type: null, expected a string")),
            (
                json!({ "code": "", "ids": ["1", 2] }),
                Some("ids[1]: invalid type: integer `2`, expected a string"),
            ),
            (
                json!({ "code": "", "unit": "mile" }),
                Some("unit: unknown variant `mile`, expected `metre` or `foot`"),
            ),
            (
                json!({ "code": "", "count": 1.5 }),
                Some("count: invalid type: floating point `1.5`, expected u64"),
            ),
        ] {
            let expected = problem.map(|problem| format!("The arguments do not fit: {problem}."));
            assert_eq!(parse::<Arguments>(&arguments).err(), expected, "{arguments}");
        }
    }
}
