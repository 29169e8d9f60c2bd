//! The pages that show the OpenAPI document. Both work without the internet.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::map_response;
use axum::response::{Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::security_headers::{self, Page};

/// The document as it is served. A test holds it to the routes.
const COMMITTED: &str = include_str!("../../openapi.json");

/// Made when somebody asks for it: it carries a megabyte of script.
static REDOC: LazyLock<Page> = LazyLock::new(|| Page::new(redoc(), REDOC_NEEDS));

/// It styles itself while it runs and searches in a worker.
const REDOC_NEEDS: &str = "style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; \
                           worker-src blob:";
const SWAGGER_NEEDS: &str = "script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                             img-src 'self' data:";

/// `/openapi.json`, `/docs` and `/redoc`.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .persist_authorization(true)
        .display_request_duration(true)
        .try_it_out_enabled(true);
    let swagger: Router<S> = SwaggerUi::new("/docs").config(config).into();
    let swagger = swagger.layer(map_response(|mut response: Response| async {
        let policy = security_headers::policy(SWAGGER_NEEDS);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        response
    }));
    Router::new()
        .route(
            "/openapi.json",
            get(|| async { crate::http::response::json(Bytes::from_static(COMMITTED.as_bytes())) }),
        )
        .route("/redoc", get(|| async { REDOC.clone() }))
        .route("/redoc/", get(|| async { Redirect::permanent("/redoc") }))
        .merge(swagger)
}

/// ReDoc with its script in the page, over its whole width, small screens included. The one picture that
/// it would fetch from elsewhere is left out, and so is the browser's search for an icon.
fn redoc() -> String {
    let page = aide::redoc::Redoc::new("/openapi.json").with_title("chat-backend API").html();
    let head = "<link rel=\"icon\" href=\"data:,\">\
                <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>";
    page.replace("https://cdn.redoc.ly/redoc/logo-mini.svg", NO_PICTURE)
        .replacen("</head>", head, 1)
        .replacen("<body>", "<body style=\"margin: 0\">", 1)
}

const NO_PICTURE: &str =
    "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
