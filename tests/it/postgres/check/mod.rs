//! What `chat-backend check` makes of a database.

mod breaks;
mod expected;

use chat_backend::cli::check::schema::{Description, Difference, Expected, compare};
use serde_json::json;

use super::Database;

const MAX_FILE_BYTES: u64 = 50 << 20;

/// What the database says of itself to the check.
async fn description(db: &Database) -> Description {
    let arguments = json!({ "p_names": Expected::committed().names() });
    let service = db.as_service().await;
    let around = service.call("describe_environment", arguments.clone()).await.unwrap();
    let described = service.call("describe_schema", arguments).await.unwrap();
    let described: Description = serde_json::from_value(described).unwrap();
    described.within(serde_json::from_value(around).unwrap())
}

async fn differences(db: &Database) -> Vec<Difference> {
    compare(&Expected::committed(), &description(db).await, MAX_FILE_BYTES)
}
