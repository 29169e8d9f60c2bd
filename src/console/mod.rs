//! The console: a page in which people use the API, served out of the program itself. Its source is the
//! folder `console`, whose build writes `assets`.

mod asset;

use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Serialize;

use self::asset::Asset;
use crate::app::App;
use crate::http::security_headers;

static SCRIPT: Asset =
    Asset::new("text/javascript; charset=utf-8", include_bytes!("assets/console.js"));
static STYLES: Asset = Asset::new("text/css; charset=utf-8", include_bytes!("assets/console.css"));
static PAGE: Asset = Asset::new("text/html; charset=utf-8", include_bytes!("assets/index.html"));

/// What the page needs to know of the server. It is public: the key is the one for browsers.
#[derive(Serialize)]
struct PageConfig {
    supabase_url: String,
    supabase_key: String,
    version: &'static str,
    /// Whether people may go on without an account.
    anonymous_users: bool,
}

/// `/console` with what it loads, and `/`, which leads there.
pub fn pages<S: Clone + Send + Sync + 'static>(app: &App) -> Router<S> {
    let config = Arc::new(PageConfig {
        supabase_url: app.project.public_url.clone(),
        supabase_key: app.project.anon_key.expose_secret().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        anonymous_users: app.config.allow_anonymous_users,
    });
    let policy = policy(&app.project.public_url);
    let page = move |headers: HeaderMap| async move {
        let mut response = PAGE.respond(&headers);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        response
    };
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console", get(page))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route(
            "/console/console.js",
            get(|headers: HeaderMap| async move { SCRIPT.respond(&headers) }),
        )
        .route(
            "/console/console.css",
            get(|headers: HeaderMap| async move { STYLES.respond(&headers) }),
        )
        .route("/console/config.json", get(move || async move { config_json(&config) }))
}

fn config_json(config: &PageConfig) -> Response {
    let cache = [(CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (cache, Json(config)).into_response()
}

/// The page runs its own script, and speaks to this server and to Supabase, which also has its pictures.
fn policy(supabase_url: &str) -> HeaderValue {
    let supabase = Url::parse(supabase_url).map(|url| url.origin().ascii_serialization());
    let supabase = supabase.unwrap_or_default();
    security_headers::policy(&format!(
        "script-src 'self'; style-src 'self'; connect-src 'self' {supabase}; \
         img-src 'self' data: blob: {supabase}"
    ))
}
