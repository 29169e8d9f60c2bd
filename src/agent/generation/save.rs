//! Saving with the patience that each save deserves.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use super::failure::Failure;
use super::recorder::{Save, Saved, SavedEnd, SavedText, UsageLog};
use crate::agent::message::answer::{Answer, End, Status};
use crate::agent::usage::meter::Total;
use crate::agent::{Job, Settings};
use crate::clock::Backoff;
use crate::providers::ChosenModel;
use crate::supabase::{SupabaseError, SupabaseErrorKind};

/// How long the last save is tried at the most.
const LAST_SAVE_PATIENCE: Duration = Duration::from_secs(600);
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    jitter: (0.75, 1.25),
};

/// One attempt, to be waited for beside other work.
pub(in crate::agent) fn once(
    job: &Job,
    save: Save,
) -> BoxFuture<'static, Result<Saved, SupabaseError>> {
    let (recorder, credentials) = (job.recorder.clone(), job.credentials.clone());
    Box::pin(async move { recorder.save(&credentials, &save).await })
}

/// Saves the end, again and again until it is saved, the token has ended or it makes no sense.
pub(in crate::agent) async fn until_saved(
    job: &Job,
    save: &Save,
    settings: &Settings,
) -> Result<Saved, SupabaseError> {
    let give_up = Instant::now() + LAST_SAVE_PATIENCE;
    let mut retries = 0;
    loop {
        let failed = match job.recorder.save(&job.credentials, save).await {
            Ok(saved) => return Ok(saved),
            Err(failed) => failed,
        };
        let is_token_over = !settings.outlives_tokens
            && job.credentials.expires_at() <= settings.clock.unix_seconds();
        if !is_passing(&failed) || is_token_over || Instant::now() >= give_up {
            error!("the end of an answer could not be saved: {failed}");
            return Err(failed);
        }
        warn!("saving the end of an answer again: {failed}");
        sleep(BACKOFF.pause(retries, fastrand::f64())).await;
        retries += 1;
    }
}

/// Whether a repeat may succeed.
pub(in crate::agent) fn is_passing(error: &SupabaseError) -> bool {
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

/// The text as it is stored.
pub(in crate::agent) fn text(answer: &Answer) -> SavedText {
    SavedText { content: answer.content(), parts: raw(&answer.parts) }
}

fn raw(parts: &[crate::agent::Part]) -> Box<RawValue> {
    // Parts hold nothing that JSON cannot.
    to_raw_value(parts).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// What a failure makes of the message.
pub(in crate::agent) fn ending(failure: &Failure) -> (Status, &'static str) {
    match failure {
        Failure::ShuttingDown => (Status::Interrupted, "server_shutdown"),
        Failure::TokenExpired => (Status::Interrupted, "token_expired"),
        Failure::Lost | Failure::Broken => (Status::Interrupted, "interrupted"),
        _ => (Status::Failed, "error"),
    }
}

/// What the message's metadata says at the end.
pub(in crate::agent) fn final_metadata(end: &End) -> Map<String, Value> {
    let Value::Object(metadata) = json!({
        "finish_reason": end.finish_reason,
        "usage": end.usage,
        "cost_usd": end.cost_usd,
        "latency_ms": end.latency_ms,
    }) else {
        return Map::new();
    };
    metadata
}

/// The last save of an answer.
pub(in crate::agent) fn last(
    answer: &Answer,
    end: &End,
    model: Option<&ChosenModel>,
    usage_log: Option<UsageLog>,
) -> Save {
    let is_empty_failure = answer.parts.is_empty() && end.status == Status::Failed;
    Save {
        text: Some(text(answer)),
        model: model.map(|model| model.id.clone()),
        metadata: Some(answer.metadata.clone()),
        usage: Some(end.usage),
        cost_usd: end.cost_usd,
        reserve: None,
        end: Some(SavedEnd {
            status: end.status.as_str(),
            finish_reason: end.finish_reason.clone(),
            is_active: !is_empty_failure,
            usage_log,
        }),
    }
}

/// The end of an answer that the database would not have, with the text and little else.
pub(in crate::agent) fn bare(save: Save) -> Save {
    let end = save.end.map(|end| SavedEnd {
        status: Status::Failed.as_str(),
        finish_reason: "error".into(),
        usage_log: end.usage_log.map(|log| UsageLog {
            status: Status::Failed.as_str(),
            error_code: Some("database_error"),
            raw: None,
            ..log
        }),
        ..end
    });
    Save { model: None, metadata: None, end, ..save }
}

/// The end of an answer that never began.
pub(in crate::agent) fn withdrawal() -> Save {
    let end = SavedEnd {
        status: Status::Failed.as_str(),
        finish_reason: "error".into(),
        is_active: false,
        usage_log: None,
    };
    Save { end: Some(end), ..Save::default() }
}

/// The row of `usage_logs`.
pub(in crate::agent) fn usage_log(
    job: &Job,
    model: &ChosenModel,
    end: &End,
    total: &Total,
    time_to_first_token_ms: Option<u64>,
) -> UsageLog {
    let tokens = total.tokens();
    UsageLog {
        operation: job.operation,
        provider: model.provider().clone(),
        model: model.id.clone(),
        input_tokens: tokens.input_tokens,
        output_tokens: tokens.output_tokens,
        cached_input_tokens: tokens.cached_input_tokens,
        cache_write_input_tokens: tokens.cache_write_input_tokens,
        reasoning_tokens: tokens.reasoning_tokens,
        usage_source: total.source(),
        cost_usd: total.cost_usd(),
        latency_ms: end.latency_ms,
        time_to_first_token_ms,
        status: end.status.as_str(),
        error_code: end.failure.as_ref().map(Failure::code),
        raw: total.raw(),
    }
}
