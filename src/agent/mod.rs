//! The agent: the loop model → tool calls → results, running generations and who listens to them.
//!
//! A generation belongs to the server, not to a connection: it runs in a task, handlers only listen.
//! The agent knows neither axum nor tables; it defines what it needs of the database (`Recorder`)
//! and what a tool is (`Tool`).

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::observability::metrics::Metrics;
use crate::providers::{Providers, ReasoningEffort, ResponseFormat};

mod usage;
mod generation;
mod message;
mod tools;

pub use generation::{
    BeginOutcome, Credentials, Failure, Generation, Generations, Question, Recorder, Refusal, Save,
    Saved, SavedEnd, SavedText, Started, TokenRefresher, UsageLog,
};
pub use message::answer::{Answer, Claim, End, Rows, Status};
pub use message::history::HistoryMessage;
pub use message::part::{Part, ToolPart, ToolState, content};
pub use message::ui_stream::{Cursor, StreamError};
pub use tools::{AnyTool, Tool, define};
pub use usage::reservation::{Extension, OverLimit, Reserve, Reserved};
pub use usage::{TokenUsage, UsageSource};

/// What all generations share.
pub struct Settings {
    /// The models.
    pub providers: Providers,
    /// What the scripted model may call, so that a front end can show tool calls without a key.
    pub demo_tools: Vec<Arc<dyn AnyTool>>,
    /// How often there is a checkpoint: what a crash loses at most. It renews the lease and brings
    /// word of a stop asked for on another replica.
    pub checkpoint_every: Duration,
    /// How many tokens a user has for a day.
    pub daily_token_limit: Option<u64>,
    /// The longest a generation may take.
    pub generation_timeout: Duration,
    /// Saves go on with the service key when the user's token ends.
    pub outlives_tokens: bool,
    /// How long the client of an answer whose end cannot be saved waits to be told.
    pub unsaved_patience: Duration,
    /// The time of day, for tokens.
    pub clock: Clock,
    /// Counts what has ended.
    pub metrics: Metrics,
}

/// One generation to do.
pub struct Job {
    /// Claims and saves the answer.
    pub recorder: Arc<dyn Recorder>,
    /// Whose it is.
    pub credentials: Arc<Credentials>,
    /// What the request asks for.
    pub options: Options,
    /// What the model may call.
    pub tools: Vec<Arc<dyn AnyTool>>,
    /// `usage_logs.operation`.
    pub operation: &'static str,
    /// It goes on when nobody listens.
    pub survives_disconnect: bool,
}

/// What a request asks of the model.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Options {
    pub system: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    pub reasoning_effort: Option<ReasoningEffort>,
    pub response_format: ResponseFormat,
    pub max_steps: u32,
}
