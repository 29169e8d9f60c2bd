//! The errors in the document: which operations can fail in which way, and an example of each.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// An error that an operation can answer with.
#[derive(Clone, Copy)]
struct Example {
    /// Name among the components.
    name: &'static str,
    status: &'static str,
    code: &'static str,
    detail: &'static str,
}

const fn example(
    name: &'static str,
    status: &'static str,
    code: &'static str,
    detail: &'static str,
) -> Example {
    Example { name, status, code, detail }
}

/// What many operations share.
const SHARED: [Example; 14] = [
    example(
        "BadRequest",
        "400",
        "malformed_json",
        "The body is not well-formed JSON (line 1, column 9).",
    ),
    example("Unauthorized", "401", "token_expired", "Your session has expired. Sign in again."),
    example(
        "Forbidden",
        "403",
        "anonymous_not_allowed",
        "This server does not accept anonymous users.",
    ),
    example(
        "RequestTimeout",
        "408",
        "request_timeout",
        "The request's body took too long to arrive.",
    ),
    example(
        "TooLarge",
        "413",
        "body_too_large",
        "The request's body is larger than this server takes.",
    ),
    example(
        "WrongHost",
        "421",
        "host_not_allowed",
        "This server is not called evil.example. Add it to ALLOWED_HOSTS.",
    ),
    example("WrongType", "415", "unsupported_media_type", "Send the body as JSON."),
    example("Invalid", "422", "validation_failed", "title must be 1 to 200 characters long."),
    example("TooMany", "429", "rate_limited", "You may make 600 requests per minute."),
    example("TokenTooLarge", "431", "token_too_large", "The access token is larger than 64 KiB."),
    example("Internal", "500", "internal_error", "Something went wrong on our side."),
    example("BadGateway", "502", "supabase_refused", "The database did not accept the request."),
    example("Unavailable", "503", "supabase_unreachable", "The database cannot be reached."),
    example("GatewayTimeout", "504", "supabase_timeout", "The database took too long."),
];

/// What is not there, by the parameter of the path that names it.
const MISSING: [(&str, Example); 4] = [
    (
        "{message_id}",
        example("MessageNotFound", "404", "message_not_found", "There is no message with this id."),
    ),
    (
        "{file_id}",
        example("FileNotFound", "404", "file_not_found", "There is no file with this id."),
    ),
    (
        "{run_id}",
        example(
            "ScriptRunNotFound",
            "404",
            "script_run_not_found",
            "There is no script run with this id.",
        ),
    ),
    // A body may name a chat as well.
    ("", example("ChatNotFound", "404", "chat_not_found", "There is no chat with this id.")),
];

/// Examples of the errors that operations describe themselves: operation, status, code, detail.
const OWN: [(&str, &str, &str, &str); 11] = [
    (
        "delete_account",
        "503",
        "not_configured",
        "This server cannot delete accounts, because it has no service key.",
    ),
    (
        "import_chats",
        "413",
        "import_too_large",
        "The export is larger than this server imports at once: 4 GiB, or 50,000 conversations.",
    ),
    ("get_usage_of_all_users", "403", "admin_only", "Only administrators see this."),
    (
        "get_usage_of_all_users",
        "503",
        "not_configured",
        "This server cannot read the usage of all users, because it has no service key.",
    ),
    (
        "update_message",
        "409",
        "message_streaming",
        "This message is still being written. Stop it first, or wait for its end.",
    ),
    (
        "upload_file",
        "409",
        "upload_running",
        "A file with this id is being uploaded or deleted. Please try again in a moment.",
    ),
    (
        "upload_file",
        "413",
        "file_too_large",
        "The file is larger than the 20 MiB that this server takes.",
    ),
    ("get_file_content", "416", "range_not_satisfiable", "The file has only 1024 bytes."),
    (
        "generate_in_chat",
        "409",
        "generation_running",
        "Another answer is being written in this chat. Stop it first, or wait for its end.",
    ),
    (
        "chat",
        "409",
        "generation_running",
        "Another answer is being written in this chat. Stop it first, or wait for its end.",
    ),
    ("", "409", "id_conflict", "This id is already in use for something else. Choose another one."),
];

/// What is not there in OpenAI's API.
const NO_MODEL: Example =
    example("ModelNotFound", "404", "model_not_found", "There is no model with this id.");

/// The components that [`describe`] refers to.
pub(super) fn components() -> Map<String, Value> {
    let missing = MISSING.iter().map(|(_, example)| example);
    let ours = SHARED.iter().chain(missing).map(|it| (it.name.to_owned(), it.response()));
    let openai = SHARED.iter().filter(|it| it.status != "422").chain([&NO_MODEL]);
    let openai = openai.map(|it| (format!("OpenAi{}", it.name), it.openai_response()));
    ours.chain(openai).collect()
}

/// Adds the errors that an operation can answer with, and examples of those that it has described itself.
pub(super) fn describe(path: &str, operation: &mut Value) {
    let statuses = statuses(path, operation);
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        let example = OWN.iter().find(|(operation, of, ..)| {
            of == status && (operation.is_empty() || id.starts_with(operation))
        });
        let content = response.pointer_mut("/content/application~1problem+json");
        if let (Some((_, status, code, detail)), Some(content)) = (example, content)
            && content.get("example").is_none()
        {
            content["example"] = problem(status, code, detail);
        }
    }
    let is_openai = path.starts_with("/v1/");
    let missing = MISSING.iter().find(|(parameter, _)| path.contains(parameter));
    let missing = if is_openai { Some(&NO_MODEL) } else { missing.map(|(_, example)| example) };
    for example in SHARED.iter().chain(missing) {
        if statuses.contains(&example.status) && !responses.contains_key(example.status) {
            let shape = if is_openai { "OpenAi" } else { "" };
            let reference = format!("#/components/responses/{shape}{}", example.name);
            responses.insert(example.status.to_owned(), json!({ "$ref": reference }));
        }
    }
}

impl Example {
    fn response(&self) -> Value {
        let content = json!({ "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "example": problem(self.status, self.code, self.detail),
        }});
        json!({ "description": self.detail, "content": content })
    }

    /// The same in OpenAI's shape.
    fn openai_response(&self) -> Value {
        let kind = match self.status {
            "401" => "authentication_error",
            "403" => "permission_error",
            "404" => "not_found_error",
            "429" => "rate_limit_error",
            "500" | "502" | "503" | "504" => "api_error",
            _ => "invalid_request_error",
        };
        let (message, code) = (self.detail, self.code);
        let error = json!({ "message": message, "type": kind, "param": null, "code": code });
        let content = json!({ "application/json": {
            "schema": { "$ref": "#/components/schemas/OpenAiProblem" },
            "example": { "error": error },
        }});
        json!({ "description": self.detail, "content": content })
    }
}

fn problem(status: &str, code: &str, detail: &str) -> Value {
    let http = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
    let mut problem = json!({
        "type": "about:blank", "title": http.canonical_reason(), "status": http.as_u16(),
        "detail": detail, "code": code, "request_id": "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b",
    });
    if status == "422" {
        problem["errors"] =
            json!([{ "pointer": "/title", "detail": "must be 1 to 200 characters long" }]);
    }
    problem
}

/// The errors that an operation may answer with.
fn statuses(path: &str, operation: &Value) -> Vec<&'static str> {
    let mut statuses = vec!["421"];
    let is_openai = path.starts_with("/v1/");
    if !is_openai && !path.starts_with("/api/") {
        return statuses;
    }
    statuses.extend(["401", "403", "429", "431", "500", "502", "503", "504"]);
    let has_body = operation.get("requestBody").is_some();
    let has_parameters = operation.get("parameters").is_some();
    if has_body {
        statuses.extend(["408", "413", "415"]);
    }
    if has_body || has_parameters {
        statuses.push("400");
    }
    // OpenAI's SDKs know 400 only.
    if (has_body || has_parameters) && !is_openai {
        statuses.push("422");
    }
    // A body may name a row that is not the caller's.
    if path.contains('{') || has_body {
        statuses.push("404");
    }
    statuses
}
