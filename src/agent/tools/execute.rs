//! Runs the tools that a model has called.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, JoinAll, join_all};
use serde_json::Value;

use super::AnyTool;
use super::client::ClientTool;
use super::waiting_call::WaitingCall;
use crate::agent::Credentials;
use crate::agent::message::answer::Answer;
use crate::agent::message::part::{Part, ToolState};

/// How many consecutive steps may make the same call; further ones are answered with a hint.
const MAX_REPEATS: usize = 2;
/// After this many repeats a model is considered to be in a loop.
const LOOPING_REPEATS: usize = 4;

/// A call whose arguments are complete.
#[derive(Debug)]
pub(in crate::agent) struct PendingCall {
    part: usize,
    name: String,
    input: Value,
    /// How many steps before this one, without a gap, have made the same call.
    repeats: usize,
}

/// The most calls of one step that may wait for the page.
const MAX_WAITING: usize = 32;

impl PendingCall {
    /// The call as one that waits for the page, or why it does not.
    fn wait_for(&self, tool: &ClientTool, answer: &Answer) -> Result<WaitingCall, String> {
        if self.repeats >= MAX_REPEATS {
            return Err(repeated(&self.name));
        }
        tool.check(&self.input)?;
        let Some(Part::Tool(part)) = answer.parts.get(self.part) else {
            return Err(format!("There is no call of {}.", self.name));
        };
        Ok(WaitingCall::of_page(part.id.clone(), tool, self.input.clone()))
    }
}

/// Splits calls of tools that run in the page off: those that wait for it, and results of those that do
/// not.
pub(in crate::agent) fn take_waiting(
    calls: &mut Vec<PendingCall>,
    tools: &[Arc<ClientTool>],
    answer: &Answer,
) -> (Vec<WaitingCall>, Vec<ToolResult>) {
    let (mut waiting, mut results) = (Vec::new(), Vec::new());
    calls.retain(|call| {
        let Some(tool) = tools.iter().find(|tool| tool.name() == call.name) else { return true };
        let waits = match waiting.len() {
            MAX_WAITING.. => Err("Too many calls at once. Make fewer.".to_owned()),
            _ => call.wait_for(tool, answer),
        };
        match waits {
            Ok(call) => waiting.push(call),
            Err(error) => results.push(ToolResult { part: call.part, outcome: Err(error) }),
        }
        false
    });
    (waiting, results)
}

fn repeated(name: &str) -> String {
    format!(
        "This call of {name} was made before with the same arguments, so it was not run again. \
         Use the result that you have, or try something else."
    )
}

/// A call's result.
pub(in crate::agent) struct ToolResult {
    part: usize,
    outcome: Result<Value, String>,
}

/// The calls that have arguments and no result.
pub(in crate::agent) fn pending(answer: &Answer) -> Vec<PendingCall> {
    let parts = answer.parts.iter().enumerate();
    let pending = parts.filter_map(|(part, content)| match content {
        Part::Tool(tool) => match &tool.state {
            ToolState::InputAvailable(input) => {
                let (name, input) = (tool.name.clone(), input.clone());
                let repeats = repeats(&answer.parts[..part], &name, &input);
                Some(PendingCall { part, name, input, repeats })
            }
            _ => None,
        },
        _ => None,
    });
    pending.collect()
}

/// How many steps in a row have made this call, up to the step that ends here.
fn repeats(parts: &[Part], name: &str, input: &Value) -> usize {
    let is_same = |part: &Part| match part {
        Part::Tool(tool) => tool.name == name && tool.input() == Some(input),
        _ => false,
    };
    let steps = parts.rsplit(|part| *part == Part::StepStart).skip(1);
    steps.take_while(|step| step.iter().any(is_same)).count()
}

/// Whether the model repeats the same calls although it was given a hint.
pub(in crate::agent) fn is_looping(calls: &[PendingCall]) -> bool {
    !calls.is_empty() && calls.iter().all(|call| call.repeats >= LOOPING_REPEATS)
}

/// Runs the calls concurrently.
pub(in crate::agent) fn run_all(
    calls: Vec<PendingCall>,
    tools: &[Arc<dyn AnyTool>],
    credentials: &Arc<Credentials>,
) -> JoinAll<BoxFuture<'static, ToolResult>> {
    let find = |name: &str| tools.iter().find(|tool| tool.name() == name).cloned();
    let runs = calls.into_iter().map(|call| {
        let tool = find(&call.name);
        run(call, tool, credentials.clone()).boxed()
    });
    join_all(runs)
}

async fn run(
    call: PendingCall,
    tool: Option<Arc<dyn AnyTool>>,
    credentials: Arc<Credentials>,
) -> ToolResult {
    let outcome = match tool {
        _ if call.repeats >= MAX_REPEATS => Err(repeated(&call.name)),
        Some(tool) => call_tool(&*tool, &call.input, &credentials).await,
        None => Err(format!("There is no tool named {}.", call.name)),
    };
    ToolResult { part: call.part, outcome }
}

/// A failing tool never ends the answer: even a panic is a result.
async fn call_tool(
    tool: &dyn AnyTool,
    input: &Value,
    credentials: &Credentials,
) -> Result<Value, String> {
    // Reading the arguments may panic as well.
    let call = AssertUnwindSafe(async { tool.call(input, credentials).await });
    call.catch_unwind().await.unwrap_or_else(|_| Err("The tool crashed.".to_owned()))
}

/// Puts the results where their calls are.
pub(in crate::agent) fn store(answer: &mut Answer, results: Vec<ToolResult>) {
    for result in results {
        answer.store_result(result.part, result.outcome);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::message::part::ToolPart;

    fn call(input: Value, is_pending: bool) -> Part {
        let (name, arguments) = ("look".to_owned(), input.to_string());
        let state = if is_pending {
            ToolState::InputAvailable(input)
        } else {
            ToolState::OutputAvailable { input, output: Value::Null }
        };
        Part::Tool(ToolPart {
            id: String::new(),
            name,
            arguments,
            state,
            opaque: None,
            approval: None,
            is_edited: false,
        })
    }

    /// The repeats of the last call, after steps with these calls.
    fn repeats_after(steps: &[&[i32]]) -> usize {
        let step = |inputs: &&[i32]| {
            let calls: Vec<_> =
                inputs.iter().map(|input| call(json!({ "n": input }), false)).collect();
            [vec![Part::StepStart], calls].concat()
        };
        let mut parts: Vec<_> = steps.iter().flat_map(step).collect();
        parts.extend([Part::StepStart, call(json!({ "n": 1 }), true)]);
        let mut answer = Answer::default();
        answer.parts = parts;
        let pending = pending(&answer);
        assert_eq!(pending.len(), 1);
        pending[0].repeats
    }

    #[test]
    fn only_repeats_without_a_gap_count() {
        assert_eq!(repeats_after(&[]), 0);
        assert_eq!(repeats_after(&[&[1], &[1]]), 2);
        assert_eq!(repeats_after(&[&[1], &[2, 1], &[1, 1]]), 3);
        assert_eq!(repeats_after(&[&[1], &[2], &[1]]), 1);
        assert_eq!(repeats_after(&[&[1], &[2]]), 0);
    }
}
