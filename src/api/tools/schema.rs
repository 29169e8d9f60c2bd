//! The JSON Schema of the configuration file.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;

use crate::config::file::schema::schema;
use crate::http::static_file::StaticFile;

static SCHEMA: LazyLock<StaticFile> = LazyLock::new(|| {
    StaticFile::new("application/schema+json", format!("{:#}\n", schema()).into())
});

/// Get the configuration file's schema
///
/// Returns the JSON Schema of the configuration file, for editors and for checks before a deployment.
#[utoipa::path(get, path = "/api/tools/schema.json", tag = "tools", operation_id = "tools_schema", security(()),
    responses((status = 200, description = "The JSON Schema", body = serde_json::Value,
        content_type = "application/schema+json")))]
pub async fn file_schema(headers: HeaderMap) -> Response {
    SCHEMA.respond(&headers)
}
