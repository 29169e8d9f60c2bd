//! `list_tool_functions`: the local Supabase runs no functions of a project's.

use rusqlite::Connection;
use serde_json::json;

use super::message_row::to_jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

pub(super) fn list_tool_functions(
    _: &Connection,
    _: Session,
    _: &Arguments,
) -> Result<String, RestError> {
    to_jsonb(&json!({
        "functions": [],
        "reason": "the local Supabase runs no SQL functions of your own: use a Supabase project",
    }))
}
