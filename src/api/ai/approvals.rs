//! What waits for the caller's decision, in all chats.

use axum::extract::State;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Ai;
use crate::database::{self, PendingToolCalls, StoredCall};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::Query;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// A page that has so many bytes of arguments may have been ended by them.
const FULL_PAGE: usize = 7 << 20;

/// A call of a tool that waits for a decision.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct PendingApproval {
    /// ID by which it is decided.
    pub approval_id: Uuid,
    /// ID of the chat.
    pub chat_id: Uuid,
    /// ID of the answer.
    pub message_id: Uuid,
    /// `toolCallId` of the call.
    pub call_id: String,
    /// Name of the tool.
    #[schema(example = "send_postcard")]
    pub tool: String,
    /// Title of the tool.
    pub title: Option<String>,
    /// Where it runs: a host name.
    pub target: Option<String>,
    /// The arguments with which it would run.
    pub arguments: Value,
    /// Digest of the arguments: send it with the decision to be sure that nothing else is run.
    pub digest: Option<String>,
    /// Why you are asked.
    pub reason: Option<String>,
    /// Whether the arguments may be changed.
    pub may_edit: bool,
    /// Whether the tool can be allowed for the rest of the chat.
    pub may_remember: bool,
    /// Until when it can be decided.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

/// Pagination of what waits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApprovalQuery {
    /// Maximum number of items. A page also ends at about 8 MiB.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// The last `approval_id` of the previous page, as in its `Link` header.
    after: Option<Uuid>,
}

/// List what waits for your decision
///
/// Calls of tools that were not run yet because you are to be asked, in all chats, the oldest first. The `Link`
/// header has the address of the next page.
#[utoipa::path(get, path = "/api/ai/approvals", tag = "ai", operation_id = "list_approvals",
    params(ApprovalQuery),
    responses((status = 200, description = "What waits", body = Vec<PendingApproval>,
        headers(("Link" = String, description = "The next page, if there is one")))))]
pub async fn list_approvals(
    State(ai): State<Ai>,
    user: CurrentUser,
    uri: Uri,
    Query(query): Query<ApprovalQuery>,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("/limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let pending = PendingToolCalls { p_limit: limit + 1, p_after: query.after };
    let mut calls = database::call(ai.supabase.rest(user.caller()), &pending).await?;
    let bytes: usize = calls.iter().map(|call| call.arguments.to_string().len()).sum();
    let is_cut = calls.len() > limit || bytes > FULL_PAGE;
    calls.truncate(limit);
    let last = calls.last().map(|call| call.id).filter(|_| is_cut);
    let approvals: Vec<_> = calls.into_iter().map(PendingApproval::from).collect();
    let mut response = axum::Json(approvals).into_response();
    if let Some(last) = last {
        let link = format!("<{}?limit={limit}&after={last}>; rel=\"next\"", uri.path());
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

impl From<StoredCall> for PendingApproval {
    fn from(call: StoredCall) -> Self {
        let redact = call.redact.as_deref().unwrap_or_default();
        Self {
            approval_id: call.id,
            chat_id: call.chat_id,
            message_id: call.message_id,
            call_id: call.call_id,
            tool: call.tool,
            title: call.title,
            target: call.target,
            arguments: crate::agent::redacted(call.arguments, redact),
            digest: call.arguments_digest,
            reason: call.policy_reason,
            may_edit: call.may_edit,
            may_remember: call.may_remember,
            expires_at: call.expires_at,
        }
    }
}
