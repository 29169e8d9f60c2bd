//! `/admin/users`: user management with the service key.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::admin_update::{AdminUserParams, UserChange};
use super::error::AuthError;
use super::extract::Administrator;
use super::params::{OptionalParams, Params};
use super::password_rules;
use super::users::{self, User};
use crate::context::Context;
use crate::role::Role;

const PER_PAGE: u32 = 50;
const MAX_PER_PAGE: u32 = 1000;

#[derive(Serialize)]
struct AdminListUsersResponse {
    users: Vec<User>,
    aud: &'static str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct DeleteParams {
    should_soft_delete: bool,
}

/// `GET /admin/users`
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    _: Administrator,
    Query(query): Query<HashMap<String, String>>,
) -> Result<impl IntoResponse, AuthError> {
    let page = number(&query, "page", 1)?.max(1);
    let per_page = number(&query, "per_page", PER_PAGE)?.clamp(1, MAX_PER_PAGE);
    let (users, total) = context
        .database
        .read(Role::Service, move |connection| users::page(connection, page, per_page))
        .await?;
    let headers = [
        (header::LINK, links(page, per_page, total.div_ceil(per_page))),
        (HeaderName::from_static("x-total-count"), total.to_string()),
    ];
    Ok((headers, Json(AdminListUsersResponse { users, aud: "authenticated" })))
}

fn number(query: &HashMap<String, String>, name: &str, default: u32) -> Result<u32, AuthError> {
    match query.get(name).map(String::as_str) {
        None | Some("") => Ok(default),
        Some(value) => value.parse().map_err(|_| {
            let message = format!("Bad Pagination Parameters: parsing {value:?}: invalid syntax");
            AuthError::validation(message)
        }),
    }
}

/// URLs are relative to Auth, which in real Supabase does not know that it is served below `/auth/v1`.
fn links(page: u32, per_page: u32, last: u32) -> String {
    let link = |page, rel| format!("</admin/users?page={page}&per_page={per_page}>; rel=\"{rel}\"");
    if page < last {
        format!("{}, {}", link(page + 1, "next"), link(last, "last"))
    } else {
        link(last, "last")
    }
}

/// `POST /admin/users`
pub(super) async fn create(
    State(context): State<Arc<Context>>,
    _: Administrator,
    Params(params): Params<AdminUserParams>,
) -> Result<Json<User>, AuthError> {
    if params.email.is_empty() {
        let message = "Cannot create a user without either an email or phone";
        return Err(AuthError::validation(message));
    }
    let mut user = User::new(Map::new(), context.clock.now().into());
    user.id = params.custom_id()?.unwrap_or(user.id);
    let change = UserChange::prepare(&context, params).await?;
    let user = context
        .database
        .write(Role::Service, move |transaction| {
            if users::find(transaction, user.id)?.is_some() {
                let message = "User already registered";
                return Err(AuthError::unprocessable("user_already_exists", message));
            }
            change.apply(transaction, user)
        })
        .await?;
    Ok(Json(user))
}

/// `GET /admin/users/{user_id}`
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    _: Administrator,
    Path(user_id): Path<String>,
) -> Result<Json<User>, AuthError> {
    let user_id = parse(&user_id)?;
    let user = context
        .database
        .read(Role::Service, move |connection| users::find(connection, user_id))
        .await?;
    user.map(Json).ok_or_else(not_found)
}

/// `PUT /admin/users/{user_id}`
pub(super) async fn update(
    State(context): State<Arc<Context>>,
    _: Administrator,
    Path(user_id): Path<String>,
    Params(params): Params<AdminUserParams>,
) -> Result<Json<User>, AuthError> {
    let user_id = parse(&user_id)?;
    if !params.password.expose_secret().is_empty() {
        password_rules::check_strength(&params.password)?;
    }
    let change = UserChange::prepare(&context, params).await?;
    let user = context
        .database
        .write(Role::Service, move |transaction| {
            let user = users::find(transaction, user_id)?.ok_or_else(not_found)?;
            change.apply(transaction, user)
        })
        .await?;
    Ok(Json(user))
}

/// `DELETE /admin/users/{user_id}`
pub(super) async fn delete(
    State(context): State<Arc<Context>>,
    _: Administrator,
    Path(user_id): Path<String>,
    OptionalParams(params): OptionalParams<DeleteParams>,
) -> Result<Json<Value>, AuthError> {
    let user_id = parse(&user_id)?;
    if params.should_soft_delete {
        return Err(AuthError::validation("The local Supabase cannot soft-delete users"));
    }
    let existed = context
        .database
        .write_exclusive(Role::Service, move |transaction| users::delete(transaction, user_id))
        .await?;
    if existed { Ok(Json(json!({}))) } else { Err(not_found()) }
}

fn parse(user_id: &str) -> Result<Uuid, AuthError> {
    let message = "user_id must be an UUID";
    Uuid::try_parse(user_id)
        .map_err(|_| AuthError::new(StatusCode::NOT_FOUND, "validation_failed", message))
}

fn not_found() -> AuthError {
    AuthError::new(StatusCode::NOT_FOUND, "user_not_found", "User not found")
}
