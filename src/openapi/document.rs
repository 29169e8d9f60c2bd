//! What the OpenAPI document says beyond what the routes say of themselves.

use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{problems, stream_examples};
use crate::api::admin::model::AdminGroupBy;
use crate::api::ai::model::Effort;
use crate::api::ai::stream_event::{ChatTitle, StreamEvent};
use crate::api::analytics::export::ExportFormat;
use crate::api::analytics::model::{GroupBy, Interval};
use crate::api::chats::model::Include;
use crate::api::messages::model::{ActiveFilter, MessageInclude, MessageOrder};
use crate::http::error::{OpenAiProblem, Problem};

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
    StreamEvent,
    ChatTitle,
    Include,
    MessageOrder,
    MessageInclude,
    ActiveFilter,
    Effort,
    ExportFormat,
    AdminGroupBy,
    GroupBy,
    Interval
)))]
struct Common;

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
        { "name": "account", "description": "A user's own data" },
        { "name": "admin", "description": "All users, for administrators" },
        { "name": "analytics", "description": "Usage statistics, chat statistics and events" },
        { "name": "scripts", "description": "Sandboxed scripts" },
        { "name": "tools", "description": "The operator's tools, and sign-ins at their servers" },
        { "name": "health", "description": "Health checks for operators" },
    ]);
    document["servers"] = json!([{ "url": "/" }]);
    document["security"] = json!([{ "access_token": [] }]);
    document["components"]["securitySchemes"] = json!({ "access_token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "The access token of a Supabase session",
    }});
    document["components"]["responses"] = problems::components().into();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            complete_item(path, item);
        }
    }
    open_objects(&mut document);
    document
}

/// An object of which no field is described may have any. Generators of clients take it for an empty one
/// unless that is said.
fn open_objects(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let inner = fields
                .iter_mut()
                .filter(|(name, _)| !["example", "examples"].contains(&name.as_str()));
            inner.for_each(|(_, value)| open_objects(value));
            let types = fields.get("type");
            let is_object = types.is_some_and(|types| {
                types == "object"
                    || types.as_array().is_some_and(|types| types.contains(&json!("object")))
            });
            if is_object && !fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(json!(true));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(open_objects),
        _ => {}
    }
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
    for operation in operations.values_mut() {
        describe_stream(path, operation);
        problems::describe(path, operation);
    }
}

/// The schema of a stream is that of a single event, as generators of clients read it; an example shows the
/// whole.
fn describe_stream(path: &str, operation: &mut Value) {
    if operation.pointer("/responses/200/content/text~1event-stream").is_none() {
        return;
    }
    let example = if path == "/v1/responses" {
        stream_examples::RESPONSES
    } else if path.starts_with("/v1/") {
        stream_examples::OPENAI
    } else if path.starts_with("/api/ai/ag-ui") || path.starts_with("/api/ai/copilotkit") {
        stream_examples::AG_UI
    } else {
        stream_examples::AI_SDK
    };
    let description = operation["description"].as_str().unwrap_or_default();
    operation["description"] = json!(format!("{description}\n\nA stream:\n\n```\n{example}```"));
}
