//! The OpenAPI document and the pages that show it. Both pages work without the internet.

mod stream_examples;

use std::sync::LazyLock;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::map_response;
use axum::response::{Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::ai::model::Effort;
use crate::api::analytics::export::ExportFormat;
use crate::api::analytics::model::{GroupBy, Interval};
use crate::api::chats::model::Include;
use crate::api::messages::model::{ActiveFilter, MessageInclude, MessageOrder};
use crate::http::error::{OpenAiProblem, Problem};
use crate::http::security_headers::{self, Page};

const DESCRIPTION: &str = "\
The API server behind an AI chat front end on Supabase.\n\n\
Every `/api` and `/v1` route needs `Authorization: Bearer <Supabase access token>`: sign in with \
supabase-js and send `session.access_token`. Lists are paged by key: follow the `Link` header. Errors \
are problem details (RFC 9457) with a stable `code`; under `/v1` they have OpenAI's shape.";

/// What routes do not say by themselves.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Problem,
    OpenAiProblem,
    Include,
    MessageOrder,
    ActiveFilter,
    MessageInclude,
    Effort,
    ExportFormat,
    GroupBy,
    Interval
)))]
struct Common;

/// The responses that many operations share: name, status, code of the example, detail.
const SHARED: [(&str, &str, &str, &str); 13] = [
    ("BadRequest", "400", "malformed_json", "The body is not well-formed JSON (line 1, column 9)."),
    ("Unauthorized", "401", "token_expired", "Your session has expired. Sign in again."),
    ("Forbidden", "403", "anonymous_not_allowed", "This server does not accept anonymous users."),
    ("NotFound", "404", "chat_not_found", "There is no chat with this id."),
    ("RequestTimeout", "408", "request_timeout", "The request's body took too long to arrive."),
    ("TooLarge", "413", "body_too_large", "The request's body is larger than this server takes."),
    ("WrongType", "415", "unsupported_media_type", "Send the body as JSON."),
    ("Invalid", "422", "validation_failed", "title must be 1 to 200 characters long."),
    ("TooMany", "429", "rate_limited", "You may make 600 requests per minute."),
    ("TokenTooLarge", "431", "token_too_large", "The access token is larger than 64 KiB."),
    ("Internal", "500", "internal_error", "Something went wrong on our side."),
    ("BadGateway", "502", "supabase_refused", "The database did not accept the request."),
    ("Unavailable", "503", "supabase_unreachable", "The database cannot be reached."),
];
const TIMEOUT: (&str, &str, &str, &str) =
    ("GatewayTimeout", "504", "supabase_timeout", "The database took too long.");

/// The whole document: what the routes say of themselves, and what holds for all of them.
pub fn complete(routes: utoipa::openapi::OpenApi) -> Value {
    let document = Common::openapi().merge_from(routes);
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "chat-backend",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "MIT", "identifier": "MIT" },
    });
    document["tags"] = json!([
        { "name": "chats", "description": "Conversations" },
        { "name": "messages", "description": "Messages of a chat" },
        { "name": "files", "description": "Files to attach to messages and to use in scripts" },
        { "name": "ai", "description": "Generation of answers by models" },
        { "name": "ag-ui", "description": "AG-UI, for CopilotKit, TanStack AI and other front ends" },
        { "name": "openai", "description": "OpenAI's API, for its SDKs and what is built on them" },
        { "name": "analytics", "description": "Usage statistics, chat statistics and events" },
        { "name": "scripts", "description": "Sandboxed scripts" },
        { "name": "health", "description": "Health checks for operators" },
    ]);
    document["security"] = json!([{ "access_token": [] }]);
    document["components"]["securitySchemes"] = json!({ "access_token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "The access token of a Supabase session",
    }});
    let all = || SHARED.iter().chain([&TIMEOUT]);
    let openai = all().filter(|(_, status, ..)| *status != "422").map(shared_openai);
    document["components"]["responses"] = all().map(shared).chain(openai).collect();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            complete_item(path, item);
        }
    }
    document
}

fn shared((name, status, code, detail): &(&str, &str, &str, &str)) -> (String, Value) {
    let http = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
    let mut example = json!({
        "type": "about:blank", "title": http.canonical_reason(),
        "status": http.as_u16(),
        "detail": detail, "code": code, "request_id": "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b",
    });
    if *status == "422" {
        example["errors"] =
            json!([{ "pointer": "/title", "detail": "must be 1 to 200 characters long" }]);
    }
    let content = json!({ "application/problem+json": {
        "schema": { "$ref": "#/components/schemas/Problem" }, "example": example,
    }});
    ((*name).to_owned(), json!({ "description": detail, "content": content }))
}

/// The same in OpenAI's shape.
fn shared_openai((name, _, code, detail): &(&str, &str, &str, &str)) -> (String, Value) {
    let kind = match *name {
        "Unauthorized" => "authentication_error",
        "Forbidden" => "permission_error",
        "NotFound" => "not_found_error",
        "TooMany" => "rate_limit_error",
        "Internal" | "BadGateway" | "Unavailable" | "GatewayTimeout" => "api_error",
        _ => "invalid_request_error",
    };
    let error = json!({ "message": detail, "type": kind, "param": null, "code": code });
    let content = json!({ "application/json": {
        "schema": { "$ref": "#/components/schemas/OpenAiProblem" }, "example": { "error": error },
    }});
    (format!("OpenAi{name}"), json!({ "description": detail, "content": content }))
}

fn complete_item(path: &str, item: &mut Value) {
    let Some(operations) = item.as_object_mut() else { return };
    // PUT and PATCH do the same, but each operation needs a name of its own.
    if operations.contains_key("patch")
        && let Some(put) = operations.get_mut("put")
        && let Some(id) = put["operationId"].as_str().map(|id| format!("{id}_by_put"))
    {
        put["operationId"] = json!(id);
    }
    let is_openai = path.starts_with("/v1/");
    let needs_token = is_openai || path.starts_with("/api/");
    for operation in operations.values_mut().filter(|_| needs_token) {
        let statuses = statuses(path, operation);
        describe_stream(path, operation);
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        for (name, status, ..) in SHARED.iter().chain([&TIMEOUT]) {
            let is_missing = statuses.contains(status) && !responses.contains_key(*status);
            // OpenAI's SDKs know 400 only.
            if is_missing && !(is_openai && *status == "422") {
                let shape = if is_openai { "OpenAi" } else { "" };
                let reference = json!({ "$ref": format!("#/components/responses/{shape}{name}") });
                responses.insert((*status).to_owned(), reference);
            }
        }
    }
}

/// The AI SDK has no schema of its events, only an example; the others have both.
fn describe_stream(path: &str, operation: &mut Value) {
    let stream = operation.pointer_mut("/responses/200/content/text~1event-stream");
    let Some(stream) = stream else { return };
    if path == "/v1/responses" {
        stream["example"] = json!(stream_examples::RESPONSES);
    } else if path.starts_with("/v1/") {
        stream["example"] = json!(stream_examples::OPENAI);
    } else if path.starts_with("/api/ai/ag-ui") || path.starts_with("/api/ai/copilotkit") {
        stream["example"] = json!(stream_examples::AG_UI);
    } else {
        *stream = json!({ "example": stream_examples::AI_SDK });
    }
}

/// The errors an operation may answer with.
fn statuses(path: &str, operation: &Value) -> Vec<&'static str> {
    let mut statuses = vec!["401", "403", "429", "431", "500", "502", "503", "504"];
    let has_body = operation.get("requestBody").is_some();
    let has_parameters = operation.get("parameters").is_some();
    if has_body {
        statuses.extend(["408", "413", "415"]);
    }
    if has_body || has_parameters {
        statuses.extend(["400", "422"]);
    }
    // A body may name a row that is not the caller's.
    if path.contains('{') || has_body {
        statuses.push("404");
    }
    statuses
}

/// The document as it is served. A test holds it to the routes.
const COMMITTED: &str = include_str!("../openapi.json");

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
