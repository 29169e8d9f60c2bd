//! What `supabase/migrations` says about the tables: in SQLite's words, and as data.

mod analytics;
mod chats;
mod files;
mod messages;
mod script_runs;
mod usage_logs;

pub use analytics::ANALYTICS;
pub use chats::CHATS;
pub use files::FILES;
pub use messages::MESSAGES;
pub use script_runs::SCRIPT_RUNS;
pub use usage_logs::USAGE_LOGS;

use crate::local_supabase::schema::{
    Command, Default, Expression, Fragment, Policy, Schema, Table,
};

macro_rules! expression {
    ($sql:expr) => {
        Expression { postgres: $sql, sqlite: &[Fragment::Sql($sql)], has_subselect: true }
    };
}
use expression;

/// A policy that lets users reach their own rows.
const OWN_ROW: Expression = Expression {
    postgres: "(select auth.uid()) = user_id",
    sqlite: &[Fragment::Sql("(select auth_uid()) = user_id")],
    has_subselect: true,
};
const GEN_RANDOM_UUID: Default = Default::Expression(expression!("gen_random_uuid()"));
const AUTH_UID: Default = Default::Expression(Expression {
    postgres: "auth.uid()",
    sqlite: &[Fragment::Sql("auth_uid()")],
    has_subselect: false,
});
const CLOCK_TIMESTAMP: Default = Default::Expression(expression!("clock_timestamp()"));

const fn policy(
    name: &'static str,
    command: Command,
    using: Option<Expression>,
    with_check: Option<Expression>,
) -> Policy {
    let commands: &[Command] = match command {
        Command::Delete => &[Command::Delete],
        Command::Insert => &[Command::Insert],
        Command::Select => &[Command::Select],
        Command::Update => &[Command::Update],
    };
    Policy { name, commands, roles: &["authenticated"], is_permissive: true, using, with_check }
}

/// Every table of the schema `public`.
pub const TABLES: &[&Table] = &[&CHATS, &MESSAGES, &USAGE_LOGS, &ANALYTICS, &FILES, &SCRIPT_RUNS];

/// The schema, in the order it grew.
pub static SCHEMA: Schema = Schema {
    migrations: &[
        include_str!("0002_chats.sql"),
        include_str!("0003_analytics.sql"),
        include_str!("0004_files.sql"),
        include_str!("0005_scripts.sql"),
        include_str!("0006_script_runs.sql"),
    ],
    tables: TABLES,
    unavailable: &[],
};
