use crate::agent::tools::prelude::*;

/// Counts the words of a text.
pub struct CountWords;

#[derive(Deserialize, JsonSchema)]
pub struct Arguments {
    /// The text whose words are counted.
    text: String,
}

impl Tool for CountWords {
    type Arguments = Arguments;
    const NAME: &'static str = "count_words";
    const DESCRIPTION: &'static str = "Counts the words of a text.";

    async fn run(&self, arguments: Arguments, _: &ToolContext) -> ToolResult {
        Ok(json!({ "words": arguments.text.split_whitespace().count() }))
    }
}
