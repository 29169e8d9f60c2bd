//! What needs a mail server, a telephone or somebody else's sign-in page, none of which is here.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;

use super::super::context::Context;
use super::error::AuthError;
use super::params::Params;

pub(super) fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/authorize", get(authorize))
        .route("/otp", post(one_time_password))
        .route("/magiclink", post(one_time_password))
        .route("/recover", post(recover))
        .route("/resend", post(send_mail))
        .route("/verify", get(follow_link).post(verify))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RecoverParams {
    email: String,
}

async fn authorize() -> AuthError {
    AuthError::validation("Unsupported provider: provider is not enabled")
}

async fn one_time_password() -> AuthError {
    AuthError::unprocessable("otp_disabled", "The local Supabase cannot send one-time passwords")
}

async fn recover(Params(params): Params<RecoverParams>) -> AuthError {
    if params.email.is_empty() {
        return AuthError::validation("Password recovery requires an email");
    }
    send_mail().await
}

async fn send_mail() -> AuthError {
    let message = "The local Supabase cannot send mail";
    AuthError::bad_request("email_address_not_authorized", message)
}

async fn verify() -> AuthError {
    AuthError::forbidden("otp_expired", "Token has expired or is invalid")
}

/// Nobody was sent a link, so none is good.
async fn follow_link(State(context): State<Arc<Context>>) -> impl IntoResponse {
    let location = format!(
        "{}#error=access_denied&error_code=otp_expired\
         &error_description=Email+link+is+invalid+or+has+expired&sb=",
        context.public_url
    );
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)])
}
