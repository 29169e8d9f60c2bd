//! The console: a page in which people use the API, served out of the program itself. Its source is the
//! folder `console`, whose build writes `assets`.

use std::sync::{Arc, LazyLock};

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::app::App;
use crate::http::security_headers;
use crate::http::static_file::StaticFile;

macro_rules! asset {
    ($content_type:literal, $name:literal) => {
        LazyLock::new(|| {
            let bytes = Bytes::from_static(include_bytes!(concat!("assets/", $name)));
            StaticFile::new($content_type, bytes)
        })
    };
}

static PAGE: LazyLock<StaticFile> = asset!("text/html; charset=utf-8", "index.html");
static SCRIPT: LazyLock<StaticFile> = asset!("text/javascript; charset=utf-8", "console.js");
static STYLES: LazyLock<StaticFile> = asset!("text/css; charset=utf-8", "console.css");

/// What the page needs to know of the server. It is public: the key is the one for browsers.
#[derive(Serialize)]
struct PageConfig {
    supabase_url: String,
    supabase_key: String,
    version: &'static str,
    /// Whether people may go on without an account.
    anonymous_users: bool,
    /// Whether a chat needs an assistant.
    assistants_only: bool,
}

/// `/console` with what it loads, and `/`, which leads there.
pub fn pages<S: Clone + Send + Sync + 'static>(app: &App) -> Router<S> {
    let config = Arc::new(PageConfig {
        supabase_url: app.project.public_url.clone(),
        supabase_key: app.project.anon_key.expose_secret().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        anonymous_users: app.config.allow_anonymous_users,
        assistants_only: app.config.assistants_only,
    });
    let policy = policy(&app.project.public_url);
    let page = move |headers: HeaderMap| async move {
        let mut response = PAGE.respond(&headers);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        response
    };
    let script = |headers: HeaderMap| async move { SCRIPT.respond(&headers) };
    let styles = |headers: HeaderMap| async move { STYLES.respond(&headers) };
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console", get(page))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route("/console/console.js", get(script))
        .route("/console/console.css", get(styles))
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
