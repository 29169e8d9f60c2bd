//! The pages that show the OpenAPI document. They work without the internet, on small screens and in the
//! dark.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use crate::http::error::ApiError;
use crate::http::security_headers;
use crate::http::static_file::StaticFile;

/// The document as it is served. A test holds it to the routes.
const COMMITTED: &str = include_str!("../../openapi.json");

static DOCUMENT: LazyLock<StaticFile> =
    LazyLock::new(|| StaticFile::new("application/json", Bytes::from_static(COMMITTED.as_bytes())));

/// Made when somebody asks for it: it carries a megabyte of script.
static REDOC: LazyLock<(StaticFile, HeaderValue)> = LazyLock::new(|| {
    let html = redoc();
    let policy = security_headers::policy_of_page(&html, REDOC_NEEDS);
    (StaticFile::new("text/html; charset=utf-8", html.into()), policy)
});

static SWAGGER: LazyLock<HashMap<&str, StaticFile>> = LazyLock::new(swagger_files);

/// It styles itself while it runs and searches in a worker.
const REDOC_NEEDS: &str = "style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; \
                           worker-src blob:";
const SWAGGER_NEEDS: &str = "script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                             img-src 'self' data:";

/// `/openapi.json`, `/docs` and `/redoc`.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let redoc_page =
        |headers: HeaderMap| async move { with_policy(REDOC.0.respond(&headers), &REDOC.1) };
    let document = |headers: HeaderMap| async move { DOCUMENT.respond(&headers) };
    let index = |headers: HeaderMap| async move { swagger("index.html", &headers) };
    let file =
        |Path(name): Path<String>, headers: HeaderMap| async move { swagger(&name, &headers) };
    Router::new()
        .route("/openapi.json", get(document))
        .route("/redoc", get(redoc_page))
        .route("/redoc/", get(|| async { Redirect::permanent("/redoc") }))
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(index))
        .route("/docs/{name}", get(file))
}

fn swagger(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = SWAGGER.get(name) else {
        return ApiError::new(
            StatusCode::NOT_FOUND,
            "route_not_found",
            "The page has no such file.",
        )
        .into_response();
    };
    with_policy(file.respond(headers), &security_headers::policy(SWAGGER_NEEDS))
}

fn with_policy(mut response: Response, policy: &HeaderValue) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
    response
}

/// Swagger UI's files, with a title of our own and for small screens.
fn swagger_files() -> HashMap<&'static str, StaticFile> {
    const FILES: [&str; 8] = [
        "index.html",
        "index.css",
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-ui-standalone-preset.js",
        "swagger-initializer.js",
        "favicon-16x16.png",
        "favicon-32x32.png",
    ];
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .persist_authorization(true)
        .display_request_duration(true)
        .try_it_out_enabled(true);
    let config = Arc::new(config);
    let read = |name: &'static str| {
        let file = utoipa_swagger_ui::serve(name, config.clone()).ok().flatten()?;
        let mut bytes = Bytes::from(file.bytes.into_owned());
        if name == "index.html" {
            let html = String::from_utf8_lossy(&bytes);
            bytes = html
                .replacen(
                    "<title>Swagger UI</title>",
                    &format!("<title>{TITLE}</title>{VIEWPORT}{SWAGGER_STYLE}"),
                    1,
                )
                .into();
        }
        Some((name, StaticFile::new(&file.content_type, bytes)))
    };
    FILES.into_iter().filter_map(read).collect()
}

const TITLE: &str = "chat-backend API";
/// Code within a text, whose background would cover the line above.
const SWAGGER_STYLE: &str = "<style>.swagger-ui :is(.markdown, .renderedMarkdown) :not(pre) > code \
                             { padding-block: 0 }</style>";
const VIEWPORT: &str = "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";

/// ReDoc with its script in the page, over its whole width. The one picture that it would fetch from
/// elsewhere is left out, and so is the browser's search for an icon.
fn redoc() -> String {
    let page = aide::redoc::Redoc::new("/openapi.json").with_title(TITLE).html();
    let head = format!(
        "<link rel=\"icon\" href=\"data:,\">{VIEWPORT}<meta name=\"color-scheme\" content=\"light dark\"></head>"
    );
    let theme =
        format!("theme: matchMedia('(prefers-color-scheme: dark)').matches ? {DARK} : {{}}");
    page.replace("https://cdn.redoc.ly/redoc/logo-mini.svg", NO_PICTURE)
        // Headings that have no name in its theme.
        .replace("rgba(38, 50, 56, 0.5)", "#808890")
        .replacen("</head>", &head, 1)
        .replacen("<body>", "<body style=\"margin: 0\">", 1)
        .replacen("scrollYOffset: 50", &theme, 1)
}

/// ReDoc's theme in the dark.
const DARK: &str = r##"{
  colors: {
    primary: { main: "#8ab4f8" }, success: { main: "#7fd18c" }, warning: { main: "#f0c674" },
    error: { main: "#ff8a80" }, gray: { 50: "#23272c", 100: "#2c3138" },
    text: { primary: "#e4e6e8", secondary: "#a9b0b8" },
    border: { dark: "#4a5058", light: "#363b42" },
    responses: {
      success: { color: "#7fd18c", backgroundColor: "#17301d" },
      error: { color: "#ff8a80", backgroundColor: "#381c1b" }
    },
    http: { get: "#2f7d4f", post: "#2b63b8", put: "#8a5a00", patch: "#7a5c00", delete: "#a33a35" }
  },
  schema: { nestedBackground: "#1d2126", linesColor: "#5a78a8", typeNameColor: "#a9b0b8", typeTitleColor: "#a9b0b8" },
  typography: { code: { color: "#ffb4a9", backgroundColor: "#262a30" }, links: { color: "#8ab4f8" } },
  sidebar: { backgroundColor: "#1a1d21", textColor: "#e4e6e8" },
  rightPanel: { backgroundColor: "#101316" }
}"##;

const NO_PICTURE: &str =
    "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
