//! Endpoints that need mail, phone, a second factor or another sign-in provider, which are not supported.
//! Each responds as a Supabase project with that feature disabled.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::error::AuthError;
use super::extract::{Administrator, SignedIn};
use super::params::Params;
use crate::context::Context;

pub(super) fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/authorize", get(authorize))
        .route("/otp", post(one_time_password))
        .route("/magiclink", post(one_time_password))
        .route("/recover", post(recover))
        .route("/resend", post(send_mail))
        .route("/verify", get(follow_link).post(verify))
        .route("/reauthenticate", get(reauthenticate))
        .route("/factors", post(enroll))
        .route("/factors/{factor_id}", delete(factor))
        .route("/factors/{factor_id}/challenge", post(factor))
        .route("/factors/{factor_id}/verify", post(factor))
        .route("/user/identities/authorize", get(identities))
        .route("/user/identities/{identity_id}", delete(identities))
        .route("/sso", post(single_sign_on))
        .route("/invite", post(admin_mail))
        .route("/admin/generate_link", post(admin_mail))
        .route("/admin/users/{user_id}/factors", get(no_factors))
        .route("/admin/users/{user_id}/factors/{factor_id}", delete(factor_by_admin))
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

async fn reauthenticate(_: SignedIn) -> AuthError {
    send_mail().await
}

async fn admin_mail(_: Administrator) -> AuthError {
    send_mail().await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EnrollParams {
    factor_type: String,
}

async fn enroll(_: SignedIn, Params(params): Params<EnrollParams>) -> AuthError {
    let (code, name) = match params.factor_type.as_str() {
        "totp" => ("mfa_totp_enroll_not_enabled", "TOTP"),
        "phone" => ("mfa_phone_enroll_not_enabled", "Phone"),
        "webauthn" => ("mfa_webauthn_enroll_not_enabled", "WebAuthn"),
        _ => {
            let message = "factor_type needs to be totp, phone, or webauthn";
            return AuthError::validation(message);
        }
    };
    AuthError::unprocessable(code, format!("MFA enroll is disabled for {name}"))
}

/// No user has a factor.
async fn factor(_: SignedIn) -> AuthError {
    no_such_factor()
}

async fn no_factors(_: Administrator) -> Json<[(); 0]> {
    Json([])
}

async fn factor_by_admin(_: Administrator) -> AuthError {
    no_such_factor()
}

fn no_such_factor() -> AuthError {
    AuthError::new(StatusCode::NOT_FOUND, "mfa_factor_not_found", "Factor not found")
}

async fn identities(_: SignedIn) -> AuthError {
    let message = "Manual linking is disabled";
    AuthError::new(StatusCode::NOT_FOUND, "manual_linking_disabled", message)
}

async fn single_sign_on() -> AuthError {
    AuthError::new(StatusCode::NOT_FOUND, "saml_provider_disabled", "SAML 2.0 is disabled")
}

async fn verify() -> AuthError {
    AuthError::forbidden("otp_expired", "Token has expired or is invalid")
}

/// No links are sent, so none is valid.
async fn follow_link(State(context): State<Arc<Context>>) -> impl IntoResponse {
    let location = format!(
        "{}#error=access_denied&error_code=otp_expired\
         &error_description=Email+link+is+invalid+or+has+expired&sb=",
        context.public_url
    );
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)])
}
