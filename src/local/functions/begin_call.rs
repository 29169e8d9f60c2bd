//! A call of `begin_generation`, in whose transaction everything happens.

use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::message_json::message_json;
use super::message_row::Message;
use crate::local_supabase::functions::{Arguments, RestError, Session, TableContext};
use crate::local_supabase::schema::{Column, Table};

/// The call.
pub(super) struct BeginCall<'a> {
    pub connection: &'a Connection,
    pub session: Session,
    pub arguments: &'a Arguments,
    pub chat: &'a str,
    pub user: &'a str,
    /// `p_user_message`.
    pub message: Option<Json>,
    pub run_id: Option<String>,
}

impl BeginCall<'_> {
    /// `p_action`.
    pub fn action(&self) -> Option<&str> {
        self.arguments.text_or("p_action", "submit")
    }

    /// `p_action <> 'regenerate'`, which is not true of null.
    pub fn submits(&self) -> bool {
        self.action().is_some_and(|action| action != "regenerate")
    }

    /// Inserts a row; nothing where a row with the same values in `ignored` exists.
    pub fn insert<const N: usize>(
        &self,
        table: &'static Table,
        given: [(&str, Value); N],
        ignored: Option<&'static [&'static str]>,
    ) -> Result<Option<i64>, RestError> {
        let given: Vec<(&'static Column, Value)> = given
            .into_iter()
            .filter_map(|(name, value)| Some((table.column(name)?, value)))
            .collect();
        let target = self.target(table);
        target.insert_row(&target.new_row(&given)?, ignored)
    }

    pub fn target(&self, table: &'static Table) -> TableContext<'_> {
        TableContext { connection: self.connection, session: self.session, table }
    }

    pub fn message_json(&self, message: Option<&Message>) -> Result<Box<RawValue>, RestError> {
        message_json(self.connection, self.session, message.map(|message| message.rowid))
    }
}
