//! The agent: the loop model → tool calls → results, and the registry of running generations.
//!
//! A generation belongs to the server, not to a connection: it runs in a task, handlers only listen.
//! The agent knows neither axum nor tables; it defines what it needs of the database (`Recorder`)
//! and where tools come from (`ToolSource`).

mod options;
mod usage;
mod message;
mod generation;
pub mod tools;
mod job;
mod settings;
mod terms;

pub use generation::{
    BeginOutcome, Checkpoint, CheckpointSlots, Credentials, Earlier, Failure, Generation,
    Generations, HandOver, HandedOver, Question, Recorder, Refusal, Save, Saved, SavedEnd, Started,
    StoredFile, TokenRefresher, UsageLog, Used,
};
pub use job::{Job, JobTools};
pub use message::answer::{Answer, Claim, End, Rows, Status};
pub use message::approval::Approval;
pub use message::changes::{Block, Change, ChangeCursor};
pub use message::delta::{PartDelta, apply};
pub use message::history::HistoryMessage;
pub use message::hosted_call::{HostedCall, HostedState};
pub use message::live::{AnswerNews, LiveCursor};
pub use message::part::{Part, ToolPart, ToolState, content};
pub use message::sanitize::json as storable;
pub use message::subscribers::{Subscriber, Subscribers};
pub use message::turn::TURN;
pub use message::ui_stream::{Cursor, StreamError};
pub use options::Options;
pub use settings::Settings;
pub use terms::{BudgetLimit, Period, PlanRefusal, Terms};
pub use tools::approval::{ApprovedCall, CallEnd, ClaimedCall, SealedCall, ToolGrant};
pub use tools::built_in::BuiltIn;
pub use tools::client::ClientTool;
pub use tools::digest::value_digest;
pub use tools::json_schema::{
    Misfit, SchemaError, clean as clean_schema, clean_within as clean_schema_within, is_checkable,
};
pub use tools::redact::{redacted, unredacted};
pub use tools::sources::{
    DescribedTool, FindError, Offered, OfferedTool, SourceHealth, Sources, ToolSelection,
};
pub use tools::waiting_call::WaitingCall;
pub use tools::{AnyTool, Tool, ToolResult, define};
pub use usage::reservation::{Budget, Extension, OverBudget, OverLimit, Reserve, Reserved};
pub use usage::{TokenUsage, UsageSource};
