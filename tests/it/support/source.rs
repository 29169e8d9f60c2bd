//! A source of tools that behaves as badly as a test wants.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chat_backend::agent::tools::source::{
    Keep, Outcome, Policy, Progress, SourceCall, SourceError, SourceKind, SourceTool, ToolContext,
    ToolSource, Who,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What a listing comes to.
#[derive(Clone)]
pub enum Listed {
    Tools(Vec<SourceTool>),
    Failure(&'static str),
    Silence,
    Panic,
}

/// What a call comes to.
pub enum Called {
    Outcome(Outcome),
    /// Reports so often, and when it is let go has this result.
    Reports(usize, Value, oneshot::Receiver<()>),
    Silence,
    Panic,
}

pub struct FakeSource {
    label: &'static str,
    kind: SourceKind,
    is_default: bool,
    keep: Option<Keep>,
    listed: Mutex<Listed>,
    listings: AtomicUsize,
    called: Mutex<VecDeque<Called>>,
    calls: Mutex<Vec<(String, Value)>>,
    /// Those of calls that are over or were dropped are cancelled.
    cancellations: Mutex<Vec<CancellationToken>>,
}

/// A tool that runs without asking and takes any object.
pub fn tool(name: &str) -> SourceTool {
    SourceTool {
        name: name.to_owned(),
        description: format!("Does {name}."),
        parameters: json!({ "type": "object", "properties": { "n": { "type": "integer" } } }),
        policy: Policy::Never,
        ..SourceTool::default()
    }
}

impl FakeSource {
    pub fn new(label: &'static str, kind: SourceKind, listed: Listed) -> Self {
        Self {
            label,
            kind,
            is_default: true,
            keep: None,
            listed: Mutex::new(listed),
            listings: AtomicUsize::new(0),
            called: Mutex::default(),
            calls: Mutex::default(),
            cancellations: Mutex::default(),
        }
    }

    pub fn mcp(label: &'static str, tools: Vec<SourceTool>) -> Self {
        Self::new(label, SourceKind::Mcp, Listed::Tools(tools))
    }

    /// Only for requests that name it.
    pub fn on_request(self) -> Self {
        Self { is_default: false, ..self }
    }

    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep: Some(keep), ..self }
    }

    pub fn answering(self, called: impl IntoIterator<Item = Called>) -> Arc<Self> {
        Arc::new(Self { called: Mutex::new(called.into_iter().collect()), ..self })
    }

    pub fn lists(&self, listed: Listed) {
        *self.listed.lock().unwrap() = listed;
    }

    /// How often it was asked for its tools.
    pub fn listings(&self) -> usize {
        self.listings.load(Ordering::Relaxed)
    }

    /// The calls that reached it: the tools' names and arguments.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }

    /// Whether all calls that it has begun are over for it as well.
    pub fn has_nothing_running(&self) -> bool {
        self.cancellations.lock().unwrap().iter().all(CancellationToken::is_cancelled)
    }
}

impl ToolSource for FakeSource {
    fn label(&self) -> &str {
        self.label
    }

    fn kind(&self) -> SourceKind {
        self.kind
    }

    fn is_default(&self) -> bool {
        self.is_default
    }

    fn keeps(&self) -> Option<Keep> {
        self.keep
    }

    fn list<'a>(&'a self, _: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        let listed = self.listed.lock().unwrap().clone();
        async move {
            match listed {
                Listed::Tools(tools) => Ok(tools),
                Listed::Failure(sentence) => Err(SourceError(sentence.to_owned())),
                Listed::Silence => pending().await,
                Listed::Panic => panic!("a listing that a test wants"),
            }
        }
        .boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        self.calls.lock().unwrap().push((call.tool.clone(), call.arguments.clone()));
        self.cancellations.lock().unwrap().push(context.cancellation.clone());
        let called = self.called.lock().unwrap().pop_front();
        async move {
            match called.unwrap_or(Called::Outcome(ok(json!("done")))) {
                Called::Outcome(outcome) => outcome,
                Called::Reports(times, output, go) => {
                    for number in 0..times {
                        let (progress, total) = (number as f64, Some(times as f64));
                        let message = Some(format!("step\u{202e} {number}"));
                        (context.progress)(Progress { progress, total, message });
                    }
                    let _ = go.await;
                    ok(output)
                }
                Called::Silence => pending().await,
                Called::Panic => panic!("a call that a test wants"),
            }
        }
        .boxed()
    }
}

pub fn ok(output: Value) -> Outcome {
    Outcome::Ok { output, parts: Vec::new(), files: Vec::new() }
}
