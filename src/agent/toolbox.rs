//! Runs the tools that a model has called.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, JoinAll, join_all};
use serde_json::Value;

use super::answer::Answer;
use super::part::{Part, ToolState};
use super::token::Credentials;
use super::tool::Tool;

/// A call whose arguments are whole.
pub(super) struct PendingCall {
    part: usize,
    name: String,
    input: Value,
}

/// A call's result.
pub(super) struct ToolResult {
    part: usize,
    outcome: Result<Value, String>,
}

/// The calls that have arguments and no result.
pub(super) fn pending(answer: &Answer) -> Vec<PendingCall> {
    let parts = answer.parts.iter().enumerate();
    parts
        .filter_map(|(part, content)| match content {
            Part::Tool(tool) => match &tool.state {
                ToolState::InputAvailable(input) => {
                    Some(PendingCall { part, name: tool.name.clone(), input: input.clone() })
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Runs the calls side by side.
pub(super) fn run_all(
    calls: Vec<PendingCall>,
    tools: &[Arc<dyn Tool>],
    credentials: &Arc<Credentials>,
) -> JoinAll<BoxFuture<'static, ToolResult>> {
    let find = |name: &str| tools.iter().find(|tool| tool.definition().name == name).cloned();
    let runs = calls.into_iter().map(|call| {
        let tool = find(&call.name);
        run(call, tool, credentials.clone()).boxed()
    });
    join_all(runs)
}

async fn run(
    call: PendingCall,
    tool: Option<Arc<dyn Tool>>,
    credentials: Arc<Credentials>,
) -> ToolResult {
    let outcome = match tool {
        Some(tool) => tool.run(&call.input, &credentials).await,
        None => Err(format!("There is no tool named {}.", call.name)),
    };
    ToolResult { part: call.part, outcome }
}

/// Puts the results where their calls are.
pub(super) fn store(answer: &mut Answer, results: Vec<ToolResult>) {
    for result in results {
        answer.store_result(result.part, result.outcome);
    }
}
