//! The tools of this server as a source.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::AnyTool;
use super::source::{
    Outcome, Policy, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};

/// Such tools have limits of their own, and wait for one another.
const DEADLINE: Duration = Duration::from_secs(600);
/// They bound their results themselves.
const MAX_RESULT_BYTES: usize = 1 << 20;

/// The tools of this server.
pub struct BuiltIn {
    label: &'static str,
    tools: Vec<Arc<dyn AnyTool>>,
}

impl BuiltIn {
    /// These tools.
    pub fn new(label: &'static str, tools: Vec<Arc<dyn AnyTool>>) -> Self {
        Self { label, tools }
    }

    /// What they are at the moment: a tool may find out later what it can do.
    pub fn tools(&self) -> Vec<SourceTool> {
        self.tools.iter().map(|tool| described(&**tool)).collect()
    }
}

fn described(tool: &dyn AnyTool) -> SourceTool {
    let definition = tool.definition();
    SourceTool {
        name: definition.name,
        description: definition.description,
        parameters: definition.parameters,
        policy: if tool.asks().is_some() { Policy::Always } else { Policy::Never },
        reason: tool.asks().map(str::to_owned),
        may_edit: tool.asks().is_some(),
        may_remember: tool.asks().is_some(),
        deadline: DEADLINE,
        max_result_bytes: MAX_RESULT_BYTES,
        ..SourceTool::default()
    }
}

impl ToolSource for BuiltIn {
    fn label(&self) -> &str {
        self.label
    }

    fn kind(&self) -> SourceKind {
        SourceKind::BuiltIn
    }

    fn fixed_names(&self) -> Vec<String> {
        self.tools.iter().map(|tool| tool.name().to_owned()).collect()
    }

    fn list<'a>(&'a self, _: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        std::future::ready(Ok(self.tools())).boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        async move {
            let Some(tool) = self.tools.iter().find(|tool| tool.name() == call.tool) else {
                let sentence = format!("There is no tool named {}.", call.tool);
                return Outcome::Failed { sentence, may_have_happened: false };
            };
            match tool.call(&call.arguments, context).await {
                Ok(output) => {
                    let parts = tool.parts(&output);
                    Outcome::Ok { output, parts, files: Vec::new() }
                }
                Err(sentence) => Outcome::Refused(sentence),
            }
        }
        .boxed()
    }
}
