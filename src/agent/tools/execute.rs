//! The calls of a step: which of them run, and how.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info};
use uuid::Uuid;

use super::client::ClientTool;
use super::progress::ProgressReports;
use super::result::limited;
use super::source::{Outcome, SourceCall, ToolContext};
use super::sources::OfferedTool;
use super::span;
use super::waiting_call::WaitingCall;
use crate::agent::Credentials;
use crate::agent::message::answer::Answer;
use crate::agent::message::part::{Part, ToolState};
use crate::observability::metrics::Metrics;

/// How many consecutive steps may make the same call; further ones are answered with a hint.
const MAX_REPEATS: usize = 2;
/// After this many repeats a model is considered to be in a loop.
const LOOPING_REPEATS: usize = 4;
/// The most calls of one step that may wait for somebody.
pub(in crate::agent) const MAX_WAITING: usize = 32;
/// How many calls run at the same time.
const MAX_RUNNING: usize = 16;

/// A call whose arguments are complete.
#[derive(Debug)]
pub(in crate::agent) struct PendingCall {
    part: usize,
    id: String,
    name: String,
    input: Value,
    /// How many steps before this one, without a gap, have made the same call.
    repeats: usize,
}

/// A call that may run.
pub(in crate::agent) struct ReadyCall {
    /// Where it is among the parts of the answer.
    pub(in crate::agent) part: usize,
    /// The provider's id.
    pub(in crate::agent) id: String,
    pub(in crate::agent) tool: Arc<OfferedTool>,
    /// As they are sent.
    pub(in crate::agent) arguments: Value,
}

/// What becomes of the calls of a step.
#[derive(Default)]
pub(in crate::agent) struct SortedCalls {
    /// They run now.
    pub(in crate::agent) ready: Vec<ReadyCall>,
    /// A person is to be asked about them.
    pub(in crate::agent) asks: Vec<ReadyCall>,
    /// They wait for somebody.
    pub(in crate::agent) waiting: Vec<WaitingCall>,
    /// They do not run.
    pub(in crate::agent) refused: Vec<CallResult>,
}

/// A call's result.
pub(in crate::agent) struct CallResult {
    /// Where its call is among the parts of the answer.
    pub(in crate::agent) part: usize,
    /// The id of its call.
    pub(in crate::agent) id: String,
    pub(in crate::agent) outcome: Outcome,
}

/// In whose name calls run, and where they report to.
#[derive(Clone)]
pub(in crate::agent) struct CallContext {
    pub(in crate::agent) credentials: Arc<Credentials>,
    pub(in crate::agent) chat_id: Option<Uuid>,
    pub(in crate::agent) message_id: Option<Uuid>,
    pub(in crate::agent) progress: ProgressReports,
    pub(in crate::agent) metrics: Metrics,
}

/// The calls that have arguments and no result.
pub(in crate::agent) fn pending(answer: &Answer) -> Vec<PendingCall> {
    let parts = answer.parts.iter().enumerate();
    let pending = parts.filter_map(|(part, content)| match content {
        Part::Tool(tool) => match &tool.state {
            ToolState::InputAvailable(input) => {
                let (id, name) = (tool.id.clone(), tool.name.clone());
                let repeats = repeats(&answer.parts[..part], &name, input);
                let input = answer.hidden.written(part, input);
                Some(PendingCall { part, id, name, input, repeats })
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

/// Decides what becomes of each call: of this server's tools, and of the page's.
pub(in crate::agent) fn sort(
    calls: Vec<PendingCall>,
    tools: &[Arc<OfferedTool>],
    of_page: &[Arc<ClientTool>],
) -> SortedCalls {
    let mut sorted = SortedCalls::default();
    for call in calls {
        let (part, id) = (call.part, call.id.clone());
        if let Err(sentence) = sorted.add(call, tools, of_page) {
            sorted.refused.push(CallResult { part, id, outcome: Outcome::Refused(sentence) });
        }
    }
    sorted
}

impl SortedCalls {
    /// `Err` is the message for the model of a call that does not run.
    fn add(
        &mut self,
        call: PendingCall,
        tools: &[Arc<OfferedTool>],
        of_page: &[Arc<ClientTool>],
    ) -> Result<(), String> {
        let PendingCall { part, id, name, input, repeats } = call;
        if repeats >= MAX_REPEATS {
            return Err(repeated(&name));
        }
        if let Some(tool) = tools.iter().find(|tool| tool.name == name) {
            let arguments = tool.prepared(input)?;
            let asks = tool.needs_approval(&arguments);
            let call = ReadyCall { part, id, tool: tool.clone(), arguments };
            if asks {
                self.asks.push(call);
            } else {
                self.ready.push(call);
            }
            return Ok(());
        }
        if let Some(tool) = of_page.iter().find(|tool| tool.name() == name) {
            if self.waiting.len() >= MAX_WAITING {
                return Err("Too many calls at once. Make fewer.".to_owned());
            }
            tool.check(&input)?;
            self.waiting.push(WaitingCall::of_page(id, tool, input));
            return Ok(());
        }
        Err(format!("There is no tool named {name}."))
    }
}

fn repeated(name: &str) -> String {
    format!(
        "This call of {name} was made before with the same arguments, so it was not run again. \
         Use the result that you have, or try something else."
    )
}

/// Runs the calls side by side. A stop drops the future, and with it the calls.
pub(in crate::agent) fn run_all(
    calls: Vec<ReadyCall>,
    context: &CallContext,
) -> BoxFuture<'static, Vec<CallResult>> {
    let context = context.clone();
    let runs = stream::iter(calls).map(move |call| run(call, context.clone()));
    runs.buffered(MAX_RUNNING).collect().boxed()
}

/// Runs one call, which needs nobody or has been approved.
pub(in crate::agent) async fn run(call: ReadyCall, context: CallContext) -> CallResult {
    let ReadyCall { part, id, tool, arguments } = call;
    let started_at = Instant::now();
    let cancellation = CancellationToken::new();
    // Whatever ends the call ends what it has begun.
    let _ended = cancellation.clone().drop_guard();
    let tool_context = ToolContext {
        credentials: context.credentials,
        chat_id: context.chat_id,
        message_id: context.message_id,
        idempotency_key: format!("{}/{id}", context.message_id.unwrap_or_default()),
        cancellation,
        progress: context.progress.of_call(id.clone()),
    };
    let call = SourceCall { tool: tool.tool().name.clone(), arguments };
    let span = span::begin(&tool, &id);
    let outcome = call_source(&tool, &tool_context, &call).instrument(span.clone()).await;
    span::end(&span, &outcome);
    report(&tool, &outcome, started_at.elapsed(), &context.metrics);
    CallResult { part, id, outcome }
}

/// A failing tool never ends the answer: even a panic is a result.
async fn call_source(tool: &OfferedTool, context: &ToolContext, call: &SourceCall) -> Outcome {
    let running = AssertUnwindSafe(async { tool.source.call(context, call).await }).catch_unwind();
    let deadline = tool.tool().deadline;
    match timeout(deadline, running).await {
        Ok(Ok(Outcome::Ok { output, parts, files })) => {
            let output = limited(output, tool.tool().max_result_bytes);
            Outcome::Ok { output, parts, files }
        }
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => failed("The tool crashed.".to_owned()),
        Err(_) => failed(format!(
            "The tool took longer than {}, so it was given up. It may have done its work all the same.",
            seconds(deadline)
        )),
    }
}

fn failed(sentence: String) -> Outcome {
    Outcome::Failed { sentence, may_have_happened: true }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        1.0 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

/// Counts the call and writes a line about it, without what it was about.
fn report(tool: &OfferedTool, outcome: &Outcome, took: Duration, metrics: &Metrics) {
    let (source, kind) = (tool.source.label(), tool.kind().as_str());
    let (name, ms) = (tool.name.as_str(), took.as_millis());
    let word = outcome_word(outcome);
    metrics.tool_call(kind, word, took);
    match outcome {
        Outcome::Ok { .. } => debug!(tool = name, source, kind, outcome = word, ms, "tool call"),
        _ => info!(tool = name, source, kind, outcome = word, ms, "tool call"),
    }
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ok { .. } => "ok",
        Outcome::Refused(_) => "refused",
        Outcome::Failed { may_have_happened: true, .. } => "unknown",
        Outcome::Failed { .. } => "failed",
    }
}

/// Puts the results where their calls are, and what the tools have brought for the person after them.
pub(in crate::agent) fn store(answer: &mut Answer, results: Vec<CallResult>) {
    let mut further = Vec::new();
    for result in results {
        let outcome = match result.outcome {
            Outcome::Ok { output, parts, .. } => {
                further.extend(parts);
                Ok(output)
            }
            Outcome::Refused(sentence) | Outcome::Failed { sentence, .. } => Err(sentence),
        };
        answer.store_result(result.part, outcome);
    }
    answer.add_parts(further);
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
        Part::from(ToolPart {
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
