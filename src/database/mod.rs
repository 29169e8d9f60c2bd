//! The functions of the database: for each its name, its arguments and its reply.
//!
//! A function is a type that holds the arguments; the fields have the names of the SQL parameters. What
//! it replies is an enum where there are several outcomes. Whoever calls a function does it here, and the
//! tests that compare PostgreSQL with the local Supabase read the replies with the same types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::supabase::{Query, Rest, SupabaseError};

mod accounts;
mod begin_generation;
mod chats;
mod events;
mod files;
mod generation;
mod lapsed;
mod messages;
mod passages;
mod tool_calls;
mod tool_functions;
mod tool_tokens;
mod take_over;

pub use accounts::{
    BeginAccountDeletion, ClaimAccountDeletions, DeleteAccountRows, EndAccountDeletion,
};
pub use begin_generation::{
    Action, BeginGeneration, BeginReply, CallToRun, ChatRow, CreateChat, Messages, Missing,
    StartedReply, UserMessage,
};
pub use chats::{SearchChats, ToggleChat};
pub use events::{RecordEvents, RecordEventsReply, RefusedEvent};
pub use files::{BeginFile, BeginFileReply, FinishFile, FinishFileReply, SearchFiles};
pub use generation::{
    Budgets, CheckpointReply, FollowAnswer, Followed, RequestStop, ReserveReply, ReserveTokens,
    RunCheckpoint, SaveCheckpoints, SaveEnd, SaveGeneration, SaveReply, StopReply,
};
pub use lapsed::{CountLapsedUsage, ReleaseLeases, count_lapsed_usage};
pub use messages::{
    AnswerToResume, MarkAnswerRead, QueuedMessage, QueuedMessages, ResumeReply, SelectMessage,
    SelectReply,
};
pub use passages::{
    FoundPassage, IndexStatus, NewPassage, SavePassages, SavePassagesReply, SearchPassages,
    UnindexedFile, UnindexedFiles,
};
pub use take_over::TakeOverGeneration;
pub use tool_calls::{
    AnswerToolCalls, AnsweredCalls, CallResult, ClaimToolCall, ClaimedCall, ContinueGeneration,
    DecideToolCall, DecidedCall, DecisionResult, EditedArguments, FindToolCall, FinishToolCall,
    PendingToolCalls, StoredCall, StoredGrant, ToolGrants,
};
pub use tool_functions::{
    FunctionArgument, ListToolFunctions, ToolFunction, ToolFunctions, Volatility,
};
pub use tool_tokens::{ClaimToolRefresh, RefreshClaim, SaveToolToken, StoredToken, ToolToken};

/// A function of the database, with its arguments.
pub trait Function: Serialize {
    /// Its name.
    const NAME: &'static str;
    /// Whether calling it twice does what one call does, so that a call whose answer was lost is
    /// repeated.
    const IS_REPEATABLE: bool;
    /// What it replies; [`Rows`](crate::supabase::Rows) where that passes through.
    type Reply;
}

/// A call that is still to be sent, for functions whose rows are filtered or pass through.
pub fn request<'a, F: Function>(rest: Rest<'a>, function: &F) -> Query<'a> {
    let query = rest.call(F::NAME, function);
    if F::IS_REPEATABLE { query.repeatable() } else { query }
}

/// Calls a function and reads its reply.
pub async fn call<F>(rest: Rest<'_>, function: &F) -> Result<F::Reply, SupabaseError>
where
    F: Function,
    F::Reply: DeserializeOwned,
{
    request(rest, function).value().await
}
