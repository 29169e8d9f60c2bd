//! Files: uploads, lists, bytes, and that rows and bytes go together.

mod downloads;
mod leftovers;
mod rows;
mod uploads;

use serde_json::Value;

use crate::support::{Reply, TestApp};

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

fn content(row: &Value) -> String {
    format!("/api/files/{}/content", id(row))
}

/// A row without its address, which is signed anew at every look.
fn unsigned(mut row: Value) -> Value {
    assert!(row["url"].take().is_string(), "{row}");
    row
}

/// What is at an address that needs no token.
async fn load(app: &TestApp, row: &Value) -> Reply {
    Reply::send(app.http.get(row["url"].as_str().unwrap())).await
}
