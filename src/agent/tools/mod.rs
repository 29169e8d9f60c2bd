//! What a tool is. A tool's failure is a result that the model sees, never the end of the chat.

pub(super) mod execute;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::Credentials;
use crate::providers::ToolDefinition;

/// A tool that the model may call.
pub trait Tool: Send + Sync {
    /// The definition that the model is sent.
    fn definition(&self) -> ToolDefinition;

    /// Runs it with arguments that are a JSON object, with the caller's own rights. `Err` is a
    /// sentence for the model and the person.
    fn run<'a>(
        &'a self,
        arguments: &'a Value,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Value, String>>;
}
