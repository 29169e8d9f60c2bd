//! Sign-ins of users at servers of tools.

use axum::Json as Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Path, Query};
use crate::http::security_headers::policy;
use crate::tool_sources::mcp::oauth::{Callback, OAuth, SignInError, SignIns};

/// Where a user signs in.
#[derive(Serialize, ToSchema)]
pub struct SignInStarted {
    /// The address to open in the user's browser, within ten minutes.
    pub authorization_url: String,
}

/// Begin a sign-in at a server of tools
///
/// Open the address in a new tab or window. When the user has signed in there and confirmed, the tools of the
/// server are available to them.
#[utoipa::path(get, path = "/api/tools/oauth/{label}/start", tag = "tools",
    operation_id = "start_tool_sign_in",
    params(("label" = String, Path, description = "The source's name in the configuration file")),
    responses((status = 200, description = "Where the user signs in", body = SignInStarted),
        (status = 404, description = "No such source, or it needs no sign-in", body = Problem,
            content_type = "application/problem+json"),
        (status = 502, description = "The server cannot be signed in at", body = Problem,
            content_type = "application/problem+json")))]
pub async fn start(
    State(sign_ins): State<SignIns>,
    user: CurrentUser,
    Path(label): Path<String>,
) -> Result<Body<SignInStarted>, ApiError> {
    let authorization_url = find(&sign_ins, &label)?.start(user.id, &user.token).await?;
    Ok(Body(SignInStarted { authorization_url }))
}

/// End a sign-in at a server of tools
///
/// What is stored of it is deleted.
#[utoipa::path(delete, path = "/api/tools/oauth/{label}", tag = "tools",
    operation_id = "end_tool_sign_in",
    params(("label" = String, Path, description = "The source's name in the configuration file")),
    responses((status = 204, description = "The user is not signed in there any more"),
        (status = 404, description = "No such source, or the user is not signed in there", body = Problem,
            content_type = "application/problem+json")))]
pub async fn end(
    State(sign_ins): State<SignIns>,
    user: CurrentUser,
    Path(label): Path<String>,
) -> Result<StatusCode, ApiError> {
    match find(&sign_ins, &label)?.disconnect(user.id, &user.token).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found("sign-in")),
    }
}

/// Return from a sign-in at a server of tools
///
/// The authorization server sends the user's browser here. The page asks whose account is meant, and stores the
/// sign-in when the user has confirmed.
#[utoipa::path(get, path = "/api/tools/oauth/{label}/callback", tag = "tools",
    operation_id = "return_from_tool_sign_in", security(()),
    params(("label" = String, Path, description = "The source's name in the configuration file"), Callback),
    responses((status = 200, description = "A page for the user", content_type = "text/html")))]
pub async fn callback(
    State(sign_ins): State<SignIns>,
    Path(label): Path<String>,
    Query(callback): Query<Callback>,
) -> Result<Response, ApiError> {
    let oauth = find(&sign_ins, &label)?;
    if callback.confirm.is_none() && callback.code.is_some() {
        let account = match oauth.account(&callback) {
            Ok(account) => account,
            Err(error) => return Ok(page(StatusCode::BAD_REQUEST, &escaped(&error.0))),
        };
        let link = escaped(&callback.confirmed());
        let question = format!(
            "Connect {} to the account {}? Its tools then act in your name there.</p>\
             <p><a href=\"?{link}\">Connect</a></p><p>Close this window if you have not begun this.",
            escaped(&label),
            escaped(&account),
        );
        return Ok(page(StatusCode::OK, &question));
    }
    Ok(match oauth.finish(&callback).await {
        Ok(()) => page(
            StatusCode::OK,
            &format!("{} is connected. You can close this window.", escaped(&label)),
        ),
        Err(error) => page(StatusCode::BAD_REQUEST, &escaped(&error.0)),
    })
}

/// Describe this server to authorization servers
///
/// The client ID metadata document: authorization servers that support it need no registration.
#[utoipa::path(get, path = "/api/tools/oauth/client.json", tag = "tools",
    operation_id = "get_oauth_client", security(()),
    responses((status = 200, description = "The document", body = Object),
        (status = 404, description = "No source needs sign-ins", body = Problem,
            content_type = "application/problem+json")))]
pub async fn client(State(sign_ins): State<SignIns>) -> Result<Body<Value>, ApiError> {
    sign_ins.client_metadata().map(Body).ok_or_else(|| ApiError::not_found("client"))
}

fn find(sign_ins: &SignIns, label: &str) -> Result<Arc<OAuth>, ApiError> {
    sign_ins.find(label).ok_or_else(|| ApiError::not_found("source with sign-ins"))
}

fn page(status: StatusCode, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Sign-in</title><p>{text}</p></html>"
    );
    (status, [(CONTENT_SECURITY_POLICY, policy(""))], Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    let escape = |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => String::from(c),
    };
    text.chars().map(escape).collect()
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "sign_in_failed", error.0)
    }
}
