//! A row of `private.tool_calls`.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::{Value as Json, json};

use crate::local_supabase::functions::RestError;
use crate::local_supabase::functions::value::timestamptz;

/// A call that waits, or has waited.
pub(super) struct Call {
    pub id: String,
    pub chat_id: String,
    pub message_id: String,
    pub state: String,
    pub policy: Option<String>,
    pub source: String,
    pub tool: String,
    pub source_tool: Option<String>,
    pub definition_digest: Option<String>,
    pub arguments: Json,
    pub arguments_digest: Option<String>,
    pub edited_from_digest: Option<String>,
    pub is_edited: bool,
    pub is_repeatable: bool,
    pub may_edit: bool,
    pub may_remember: bool,
    pub approved: Option<bool>,
    pub run_id: Option<String>,
    pub attempts: i64,
    pub outcome: Option<Json>,
    pub is_in_time: bool,
    call_id: String,
    title: Option<String>,
    target: Option<String>,
    policy_reason: Option<String>,
    redact: Option<Json>,
    seal: Option<String>,
    binds_id: bool,
    reason: Option<String>,
    expires_at: i64,
    created_at: i64,
}

impl Call {
    /// The first call that `clause`, the statement from `where` on, selects.
    pub fn find(
        connection: &Connection,
        clause: &'static str,
        params: impl Params,
    ) -> Result<Option<Self>, RestError> {
        let mut statement = connection.prepare_cached(&[SELECT, clause].concat())?;
        Ok(statement.query_row(params, Self::read).optional()?)
    }

    /// All of them.
    pub fn all(
        connection: &Connection,
        clause: &'static str,
        params: impl Params,
    ) -> Result<Vec<Self>, RestError> {
        let mut statement = connection.prepare_cached(&[SELECT, clause].concat())?;
        Ok(statement.query_map(params, Self::read)?.collect::<Result<_, _>>()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let json = |name: &str| -> rusqlite::Result<Option<Json>> {
            let text: Option<String> = row.get(name)?;
            Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()))
        };
        Ok(Self {
            id: row.get("id")?,
            chat_id: row.get("chat_id")?,
            message_id: row.get("message_id")?,
            state: row.get("state")?,
            policy: row.get("policy")?,
            source: row.get("source")?,
            tool: row.get("tool")?,
            source_tool: row.get("source_tool")?,
            definition_digest: row.get("definition_digest")?,
            arguments: json("arguments")?.unwrap_or_default(),
            arguments_digest: row.get("arguments_digest")?,
            edited_from_digest: row.get("edited_from_digest")?,
            is_edited: row.get("is_edited")?,
            is_repeatable: row.get("is_repeatable")?,
            may_edit: row.get("may_edit")?,
            may_remember: row.get("may_remember")?,
            approved: row.get("approved")?,
            run_id: row.get("run_id")?,
            attempts: row.get("attempts")?,
            outcome: json("outcome")?,
            is_in_time: row.get("is_in_time")?,
            call_id: row.get("call_id")?,
            title: row.get("title")?,
            target: row.get("target")?,
            policy_reason: row.get("policy_reason")?,
            redact: json("redact")?,
            seal: row.get("seal")?,
            binds_id: row.get("binds_id")?,
            reason: row.get("reason")?,
            expires_at: row.get("expires_at")?,
            created_at: row.get("created_at")?,
        })
    }

    /// The state, as it is read: whether the time is over is computed.
    pub fn current_state(&self) -> &str {
        let is_late = matches!(&*self.state, "pending" | "waiting") && !self.is_in_time;
        if is_late { "expired" } else { &self.state }
    }

    /// `private.call_json`
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.id, "chat_id": self.chat_id, "message_id": self.message_id,
            "call_id": self.call_id, "source": self.source, "source_tool": self.source_tool,
            "tool": self.tool, "title": self.title, "target": self.target, "policy": self.policy,
            "policy_reason": self.policy_reason, "redact": self.redact,
            "definition_digest": self.definition_digest, "arguments": self.arguments,
            "arguments_digest": self.arguments_digest, "is_repeatable": self.is_repeatable,
            "may_edit": self.may_edit, "may_remember": self.may_remember, "seal": self.seal,
            "binds_id": self.binds_id, "is_edited": self.is_edited, "approved": self.approved, "reason": self.reason,
            "expires_at": timestamptz::to_json(self.expires_at),
            "created_at": timestamptz::to_json(self.created_at), "state": self.current_state(),
        })
    }
}

const SELECT: &str = "select c.*, c.expires_at >= clock_timestamp() as is_in_time, \
                      c.edited_from is not null as is_edited from \"private.tool_calls\" c ";
