//! The route table.

use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::Value;
use tower::util::MapResponseLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::ai::ag_ui;
use crate::api::{account, admin, ai, analytics, chats, files, messages, openai, scripts, tools};
use crate::app::{App, AppState};
use crate::console;
use crate::http::allowed_hosts::AllowedHosts;
use crate::http::error::ApiError;
use crate::http::extract::MaxBody;
use crate::http::middleware::RequestContextLayer;
use crate::http::{auth, compression, cors, health};
use crate::openapi;
use crate::peers;

/// All routes, behind all layers. In a tuple of layers the first one is the outermost; each call of `layer` puts
/// the routes into boxes, of which each request makes a copy, so there is one. The local Supabase has layers of its own.
pub fn router(app: &App) -> Router {
    match app.local_supabase_path() {
        Some((path, supabase)) => {
            Router::new().nest_service(path, supabase).fallback_service(api_router(app))
        }
        None => api_router(app),
    }
}

fn api_router(app: &App) -> Router {
    let outer = (
        compression::layer(),
        MapResponseLayer::new(compression::in_pieces),
        RequestContextLayer(app.log.clone()),
    );
    let inner = (
        cors::layer(app.config.cors_origins.clone(), app.is_local()),
        AllowedHosts::new(&app.config).layer(refuse_host),
    );
    table(app)
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer((outer.clone(), inner))
        .merge(internal(&app.state).layer(outer))
        .with_state(app.state.clone())
}

/// What the other replicas ask. They have proof in place of a name, and no page ever calls them.
fn internal(state: &AppState) -> Router<AppState> {
    let Some(gate) = &state.peer_gate else { return Router::new() };
    Router::new()
        .route("/internal/peers/follow/{chat_id}/{message_id}", post(ai::peer_routes::follow))
        .route("/internal/peers/take-over/{chat_id}/{message_id}", post(ai::peer_routes::take_over))
        .route("/internal/peers/stop/{chat_id}/{message_id}", post(ai::peer_routes::stop))
        .route_layer(from_fn_with_state(state.auth.clone(), auth::require_user))
        .route_layer(from_fn_with_state(gate.clone(), peers::require_peer))
        .route("/internal/peers/hello", post(peers::hello).with_state(gate.clone()))
}

fn table(app: &App) -> Router<AppState> {
    let config = &app.config;
    let (api, _) = api(config.max_generate_body_bytes).split_for_parts();
    let (public, _) = public().split_for_parts();
    api.route_layer(from_fn_with_state(app.state.auth.clone(), auth::require_user))
        .merge(public)
        .merge(openapi::pages())
        .merge(console::pages(app))
}

/// Routes that need a signed-in user. A collection's path without the slash is a second,
/// undocumented route to the same handlers.
fn api(max_generate_body_bytes: usize) -> OpenApiRouter<AppState> {
    let generate = OpenApiRouter::new()
        .routes(routes!(ai::routes::generate))
        .routes(routes!(ai::routes::generate_in_chat))
        .routes(routes!(ai::tool_calls::answer_tool_call))
        .routes(routes!(ai::approvals::list_approvals))
        .routes(routes!(ai::routes::chat))
        .routes(routes!(openai::routes::chat_completions))
        .routes(routes!(openai::responses::routes::responses))
        .routes(routes!(ag_ui::routes::run))
        .routes(routes!(ag_ui::copilotkit::run))
        .routes(routes!(ag_ui::copilotkit::connect))
        .layer(Extension(MaxBody(max_generate_body_bytes)));
    OpenApiRouter::new()
        .routes(routes!(chats::routes::list, chats::routes::create))
        .route("/api/chats", get(chats::routes::list).post(chats::routes::create))
        .routes(routes!(chats::routes::get, chats::routes::update, chats::routes::delete))
        .routes(routes!(chats::routes::archive))
        .routes(routes!(chats::routes::bookmark))
        .routes(routes!(messages::routes::list, messages::routes::create))
        .routes(routes!(messages::routes::get, messages::routes::update, messages::routes::delete))
        .routes(routes!(messages::routes::select))
        .routes(routes!(analytics::routes::usage))
        .routes(routes!(analytics::routes::chats))
        .routes(routes!(analytics::routes::list, analytics::routes::record))
        .routes(routes!(account::routes::delete))
        .routes(routes!(account::routes::export))
        .routes(routes!(account::routes::import))
        .routes(routes!(admin::routes::usage))
        .routes(routes!(files::routes::list, files::routes::upload))
        .route("/api/files", get(files::routes::list).post(files::routes::upload))
        .routes(routes!(files::routes::get, files::routes::update, files::routes::delete))
        .routes(routes!(files::search::routes::search))
        .routes(routes!(files::routes::content))
        .routes(routes!(files::routes::sign))
        .routes(routes!(ai::routes::models))
        .routes(routes!(ai::routes::list_assistants))
        .routes(routes!(ai::tools::list_tools))
        .routes(routes!(ai::routes::resume_stream))
        .routes(routes!(ai::routes::stop))
        .routes(routes!(ag_ui::tanstack::restore))
        .routes(routes!(ag_ui::copilotkit::info))
        .routes(routes!(ag_ui::copilotkit::stop))
        .routes(routes!(openai::routes::models))
        .routes(routes!(openai::routes::model))
        .routes(routes!(scripts::routes::run))
        .routes(routes!(scripts::routes::list))
        .routes(routes!(scripts::routes::get))
        .routes(routes!(scripts::routes::delete))
        .routes(routes!(scripts::routes::capabilities))
        .routes(routes!(tools::oauth::start))
        .routes(routes!(tools::oauth::end))
        .merge(generate)
}

fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(tools::oauth::callback))
        .routes(routes!(tools::oauth::client))
        .routes(routes!(tools::schema::file_schema))
}

/// The OpenAPI document.
pub fn document() -> Value {
    let (_, public) = public().split_for_parts();
    let (_, api) = api(0).split_for_parts();
    openapi::complete(public.merge_from(api))
}

fn refuse_host(refusal: &str) -> Response {
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "host_not_allowed", refusal.to_owned())
        .into_response()
}

async fn unknown_route(uri: Uri) -> ApiError {
    let hint = match uri.path().ends_with("/chat/completions") {
        true => "OpenAI's SDKs need a base URL that ends with /v1.",
        false => "The routes are listed at /docs.",
    };
    let detail = format!("There is no route {}. {hint}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "route_not_found", detail)
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This route does not take this method. The Allow header says which it does.",
    )
}
