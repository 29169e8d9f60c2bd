//! Saves answers and their ends, with retries.

use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use crate::agent::generation::recorder::{Save, Saved, SavedEnd};
use crate::agent::generation::usage_log::UsageLog;
use crate::agent::message::answer::{Answer, End, Status};
use crate::agent::tools::waiting_call::WaitingCall;
use crate::agent::{Job, Settings};
use crate::clock::Backoff;
use crate::supabase::{SupabaseError, SupabaseErrorKind};

/// How long the last save is retried.
const MAX_RETRY_TIME: Duration = Duration::from_secs(600);
/// When the database is back, a whole answer waits for no longer than a checkpoint does.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(2),
    jitter: (0.75, 1.25),
};

/// Saves the end, again and again until it is saved, the token has ended or it makes no sense.
pub(super) async fn until_saved(
    job: &Job,
    save: &Save,
    settings: &Settings,
) -> Result<Saved, SupabaseError> {
    let give_up = Instant::now() + MAX_RETRY_TIME;
    let mut retries = 0;
    loop {
        let failed = match job.recorder.save(&job.credentials, save).await {
            Ok(saved) => return Ok(saved),
            Err(failed) => failed,
        };
        let is_token_over = !settings.outlives_tokens
            && job.credentials.expires_at() <= settings.clock.unix_seconds();
        if !is_transient(&failed) || is_token_over || Instant::now() >= give_up {
            error!("the end of an answer could not be saved: {failed}");
            return Err(failed);
        }
        warn!("saving the end of an answer again: {failed}");
        sleep(BACKOFF.pause(retries, fastrand::f64())).await;
        retries += 1;
    }
}

/// Whether a repeat may succeed.
pub(super) fn is_transient(error: &SupabaseError) -> bool {
    matches!(
        error.kind,
        SupabaseErrorKind::Unreachable
            | SupabaseErrorKind::Timeout
            | SupabaseErrorKind::Overloaded
            | SupabaseErrorKind::Protocol
            | SupabaseErrorKind::Refused
            | SupabaseErrorKind::NoSuchRoute
            | SupabaseErrorKind::AnswerTooLarge
            | SupabaseErrorKind::TokenExpired
            | SupabaseErrorKind::TokenTooEarly
            | SupabaseErrorKind::Contention
    )
}

fn raw(parts: &[crate::agent::Part]) -> Box<RawValue> {
    // Parts hold nothing that JSON cannot.
    to_raw_value(parts).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// What the message's metadata says at the end.
pub(super) fn final_metadata(end: &End) -> Map<String, Value> {
    let Value::Object(mut metadata) = json!({
        "finish_reason": end.finish_reason,
        "usage": end.usage,
        "cost_usd": end.cost_usd,
        "latency_ms": end.latency_ms,
    }) else {
        return Map::new();
    };
    // For those who follow the answer from elsewhere.
    if let Some(failure) = &end.failure {
        metadata.insert("error".to_owned(), failure.to_metadata());
    }
    metadata
}

/// The last save of an answer.
pub(super) fn last(
    answer: &Answer,
    end: &End,
    model: Option<String>,
    usage_log: Option<UsageLog>,
    tool_calls: Vec<WaitingCall>,
) -> Save {
    let is_empty_failure = answer.parts.is_empty() && end.status == Status::Failed;
    Save {
        parts: Some(raw(&answer.parts)),
        model,
        metadata: Some(answer.metadata.clone()),
        usage: Some(end.usage),
        cost_usd: end.cost_usd,
        end: SavedEnd {
            status: end.status.as_str(),
            finish_reason: end.finish_reason.clone(),
            is_active: !is_empty_failure,
            usage_log,
            tool_calls,
        },
    }
}

/// A reduced save for an end that the database refused: the text and little else.
pub(super) fn text_only(save: Save) -> Save {
    let end = SavedEnd {
        status: Status::Failed.as_str(),
        finish_reason: "error".into(),
        tool_calls: Vec::new(),
        usage_log: save.end.usage_log.map(|log| UsageLog {
            status: Status::Failed.as_str(),
            error_code: Some("database_error"),
            raw: None,
            ..log
        }),
        ..save.end
    };
    Save { model: None, metadata: None, end, ..save }
}

/// What a run has used whose answer another one goes on with: the message stays as it is.
pub(super) fn usage_alone(usage_log: Option<UsageLog>) -> Save {
    let end = SavedEnd {
        status: Status::Complete.as_str(),
        finish_reason: "tool-calls".into(),
        is_active: true,
        usage_log,
        tool_calls: Vec::new(),
    };
    Save { parts: None, model: None, metadata: None, usage: None, cost_usd: None, end }
}

/// The end of an answer that never began.
pub(super) fn abandoned() -> Save {
    let end = SavedEnd {
        status: Status::Failed.as_str(),
        finish_reason: "error".into(),
        is_active: false,
        usage_log: None,
        tool_calls: Vec::new(),
    };
    Save { parts: None, model: None, metadata: None, usage: None, cost_usd: None, end }
}
