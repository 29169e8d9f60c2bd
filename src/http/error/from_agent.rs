//! API errors for failures of the agent and of providers.

use std::time::Duration;

use axum::http::StatusCode;

use super::{ApiError, RateLimit};
use crate::agent::{End, Failure, OverBudget, OverLimit, Period, PlanRefusal, Refusal};
use crate::providers::catalogue::Usd;
use crate::providers::{ChooseError, ErrorKind, ProviderError};
use crate::supabase::SupabaseErrorKind;

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        from_provider(&error)
            .with_member("provider", error.provider.as_str())
            .caused_by(error.to_string())
    }
}

fn from_provider(error: &ProviderError) -> ApiError {
    use ErrorKind as Kind;
    let unprocessable =
        |code, detail: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
    let bad_gateway =
        |code, detail: &'static str| ApiError::new(StatusCode::BAD_GATEWAY, code, detail);
    match error.kind {
        Kind::InvalidRequest => unprocessable("provider_rejected", rejected(error)),
        Kind::ContextLength => unprocessable(
            "context_length_exceeded",
            "The conversation is longer than the model can read. Shorten it or choose a model \
             with a larger context window."
                .into(),
        ),
        Kind::TooLarge => unprocessable(
            "provider_request_too_large",
            "The conversation with its attachments is larger than the provider takes.".into(),
        ),
        Kind::Attachment => unprocessable(
            "attachment_refused",
            "The model's provider cannot read a file of the newest message that has any. From now on \
             it is left out and only named. Go on without it, or send another file."
                .into(),
        ),
        Kind::ModelNotFound => unprocessable(
            "model_not_found",
            "The provider does not offer this model. GET /api/ai/models lists those that it does."
                .into(),
        ),
        Kind::Authentication => bad_gateway(
            "provider_refused",
            "The model provider refused this server's key. The operator has to check it.",
        ),
        Kind::Quota => bad_gateway(
            "provider_quota_exceeded",
            "The model provider's quota for this server is used up. The operator has to raise it.",
        ),
        Kind::RateLimited | Kind::Overloaded => ApiError::unavailable(
            "provider_overloaded",
            "The model provider is overloaded at the moment. Please try again.",
            error.retry_after.unwrap_or(Duration::from_secs(5)),
        ),
        Kind::Server => {
            bad_gateway("provider_failed", "The model provider failed. Please try again.")
        }
        Kind::Unreachable => bad_gateway(
            "provider_unreachable",
            "The model provider cannot be reached at the moment. Please try again.",
        ),
        Kind::Timeout => ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "provider_timeout",
            "The model provider took too long to answer. Please try again.",
        ),
        Kind::Truncated => bad_gateway(
            "provider_truncated",
            "The model provider broke off in the middle of the answer. Please try again.",
        ),
        Kind::Protocol => bad_gateway(
            "provider_protocol_error",
            "The model provider sent something unreadable. Please try again.",
        ),
    }
}

/// Names the refused parameter where the provider does and it is a plain name.
fn rejected(error: &ProviderError) -> String {
    let is_name = |name: &&str| {
        name.len() <= 60 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.[]".contains(&b))
    };
    match error.param.as_deref().filter(is_name) {
        Some(param) => format!("The model does not accept `{param}` as it was sent."),
        None => "The model provider does not accept the request as it was sent. Another model \
                 or other options may work."
            .into(),
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchChat => Self::not_found("chat"),
            Refusal::NoSuchMessage => Self::not_found("message"),
            Refusal::IdConflict => Self::id_conflict(),
            Refusal::OverLimit(over_limit) => limit_exceeded(&over_limit),
            Refusal::Queued => Self::internal("a message waits that was not to wait"),
            Refusal::QueueFull => Self::new(
                StatusCode::CONFLICT,
                "queue_full",
                "Ten messages of this chat wait for their answers. Send this one later, or delete \
                 one of them.",
            ),
            Refusal::NothingToAnswer => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "nothing_to_answer",
                "Every message of this chat is answered. Send a new one.",
            ),
            Refusal::Busy { message_id } => Self::new(
                StatusCode::CONFLICT,
                "generation_running",
                "Another answer is being written in this chat. Stop it first, or wait for its end.",
            )
            .with_member("message_id", message_id.to_string()),
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let cause = failure.to_string();
        match failure {
            Failure::Supabase(error) => error.into(),
            // The refused value was written by this server.
            Failure::Unsaved(error) if error.kind == SupabaseErrorKind::InvalidValue => {
                Self::internal(error.to_string())
            }
            Failure::Unsaved(error) => error.into(),
            Failure::NotSavedYet => Self::unavailable(
                "answer_not_saved",
                "The answer is written, but the database does not store it at the moment. This \
                 server goes on trying for some minutes: look again then, before you ask again.",
                Duration::from_secs(60),
            ),
            Failure::Provider(error) => error.into(),
            Failure::Model(ChooseError::Unknown { model, similar }) => {
                unknown_model(&model, &similar)
            }
            Failure::Model(ChooseError::NotConfigured { .. }) => Self::unavailable(
                "provider_not_configured",
                "The provider of this model is not set up on this server. Choose another model.",
                Duration::from_secs(60),
            ),
            Failure::OverLimit(over_limit) => limit_exceeded(&over_limit),
            Failure::Plan(refusal) => refusal.into(),
            Failure::TooLong => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "generation_timeout",
                "The answer took longer than this server allows. What there was of it is kept.",
            ),
            Failure::ShuttingDown => shutting_down(),
            Failure::TokenExpired => Self::unauthorized(
                "token_expired",
                "Your session has expired. What there was of the answer is kept. Sign in again.",
            ),
            Failure::Lost => Self::new(
                StatusCode::CONFLICT,
                "message_gone",
                "The answer was deleted or replaced while it was being written.",
            ),
            Failure::Unrenewed => Self::unavailable(
                "database_unreachable",
                "The database could not be reached for too long, so the answer was cut off. What there \
                 was of it is stored when the database is back; send the message again then.",
                Duration::from_secs(30),
            ),
            Failure::Broken => Self::new(
                StatusCode::BAD_GATEWAY,
                "generation_interrupted",
                "The answer was cut off. What there was of it is kept; send the message again.",
            ),
            Failure::Crashed => Self::internal("a generation crashed"),
        }
        .caused_by(cause)
    }
}

impl From<PlanRefusal> for ApiError {
    fn from(refusal: PlanRefusal) -> Self {
        let detail = match &refusal {
            PlanRefusal::Model { plan, model } => {
                format!("Your plan ({plan}) does not have the model {model}. Choose another model.")
            }
            PlanRefusal::Unpriced { plan, model } => format!(
                "Your plan ({plan}) limits what you spend, and the price of {model} is not known to \
                 this server. Choose another model."
            ),
        };
        Self::new(StatusCode::FORBIDDEN, "plan_limit", detail)
    }
}

fn limit_exceeded(over_limit: &OverLimit) -> ApiError {
    match &over_limit.budget {
        Some(over) => budget_exceeded(over),
        None => daily_limit_exceeded(over_limit),
    }
}

/// 429 with what is left of the budget and the time at which it is full again.
fn budget_exceeded(over: &OverBudget) -> ApiError {
    let OverBudget { budget, remaining_usd, retry_after_s } = over;
    let (period, window_s) = match budget.period {
        Period::Day => ("day", 86_400),
        Period::Month => ("month", 31 * 86_400),
    };
    let detail = format!(
        "This may cost more than what is left of your {} a {period}: {remaining_usd}. It is full again \
         at {}; until then a shorter request may fit.",
        budget.limit_usd, budget.resets_at
    );
    let cents = |usd: Usd| u64::try_from(usd.picodollars() / 10_000_000_000).unwrap_or(u64::MAX);
    let rate_limit = RateLimit {
        policy: "budget-cents",
        quota: cents(budget.limit_usd),
        window_s: Some(window_s),
        remaining: cents(*remaining_usd),
        reset_s: *retry_after_s,
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "budget_exceeded", detail)
        .with_retry_after(Duration::from_secs(*retry_after_s))
        .with_rate_limit(rate_limit)
        .with_member("period", period)
        .with_member("limit_usd", budget.limit_usd.as_f64())
        .with_member("remaining_usd", remaining_usd.as_f64())
        .with_member("resets_at", budget.resets_at.to_string())
}

/// 429 with the time at which the next day begins.
fn daily_limit_exceeded(over_limit: &OverLimit) -> ApiError {
    let OverLimit { limit, remaining, resets_at, retry_after_s, budget: _ } = over_limit;
    let detail = format!(
        "This needs more than what is left of your {limit} tokens a day. They are full again at \
         00:00 UTC; until then a shorter request may fit."
    );
    let rate_limit = RateLimit {
        policy: "daily-tokens",
        quota: *limit,
        window_s: Some(86400),
        remaining: *remaining,
        reset_s: *retry_after_s,
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "daily_limit_exceeded", detail)
        .with_retry_after(Duration::from_secs(*retry_after_s))
        .with_rate_limit(rate_limit)
        .with_member("limit", *limit)
        .with_member("remaining", *remaining)
        .with_member("resets_at", resets_at.to_string())
}

fn unknown_model(model: &str, similar: &[String]) -> ApiError {
    let hint = match similar {
        [] => "GET /api/ai/models lists the models".to_owned(),
        similar => format!("Perhaps you mean {}", similar.join(" or ")),
    };
    ApiError::invalid("/model", format!("is unknown: {model}. {hint}"))
}

/// 503 while the server is being stopped.
pub fn shutting_down() -> ApiError {
    ApiError::unavailable(
        "shutting_down",
        "This server is being restarted. Please try again in a moment.",
        Duration::from_secs(5),
    )
}

/// The problem of an answer that ended early.
pub fn for_end(end: &End) -> ApiError {
    match &end.failure {
        Some(failure) => failure.clone().into(),
        None => Failure::Broken.into(),
    }
}
