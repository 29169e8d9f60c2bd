//! What the OpenAPI document says beyond what the routes say of themselves.

use serde_json::{Value, json};
use utoipa::OpenApi;

use super::problems;
use crate::api::ai::model::Effort;
use crate::api::ai::stream_event::{ChatTitle, StreamEvent};
use crate::api::analytics::export::ExportFormat;
use crate::api::analytics::model::{GroupBy, Interval};
use crate::api::chats::model::Include;
use crate::api::messages::model::{ActiveFilter, MessageOrder};
use crate::http::error::Problem;

const DESCRIPTION: &str = "\
The API server behind an AI chat front end on Supabase.\n\n\
Every `/api` route needs `Authorization: Bearer <Supabase access token>`: sign in with supabase-js \
and send `session.access_token`. Lists are paged by key: follow the `Link` header. Errors are \
problem details (RFC 9457) with a stable `code`.";

const STREAM_DESCRIPTION: &str = "/components/schemas/StreamEvent/description";
const STREAM_EXAMPLE: &str = "\
data: {\"type\":\"start\",\"messageId\":\"0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b\"}\n\n\
data: {\"type\":\"start-step\"}\n\n\
data: {\"type\":\"text-start\",\"id\":\"1\"}\n\n\
data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"Hello!\"}\n\n\
data: {\"type\":\"text-end\",\"id\":\"1\"}\n\n\
data: {\"type\":\"finish-step\"}\n\n\
data: {\"type\":\"finish\"}\n\n\
data: [DONE]\n\n";

/// What routes do not say by themselves.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Problem,
    StreamEvent,
    ChatTitle,
    Include,
    MessageOrder,
    ActiveFilter,
    Effort,
    ExportFormat,
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
        { "name": "analytics", "description": "Usage statistics, chat statistics and events" },
        { "name": "scripts", "description": "Sandboxed scripts" },
        { "name": "health", "description": "Health checks for operators" },
    ]);
    document["servers"] = json!([{ "url": "/" }]);
    document["security"] = json!([{ "access_token": [] }]);
    document["components"]["securitySchemes"] = json!({ "access_token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "The access token of a Supabase session",
    }});
    document["components"]["responses"] = problems::components().into();
    if let Some(Value::String(text)) = document.pointer_mut(STREAM_DESCRIPTION) {
        text.push_str("\n\nA stream as a whole:\n\n```\n");
        text.push_str(STREAM_EXAMPLE);
        text.push_str("```");
    }
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            complete_item(path, item);
        }
    }
    document
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
        describe_stream(operation);
        problems::describe(path, operation);
    }
}

/// The schema of a stream is that of a single event, as generators of clients read it.
fn describe_stream(operation: &mut Value) {
    let stream = operation.pointer_mut("/responses/200/content/text~1event-stream");
    if let Some(stream) = stream {
        stream["example"] = json!({ "type": "text-delta", "id": "1", "delta": "Hello!" });
    }
}
