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

use crate::local_supabase::schema::{Schema, Table};

/// A policy that lets users reach their own rows.
const OWN_ROW: &str = "(select auth.uid()) = user_id";

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
        include_str!("0007_generation.sql"),
    ],
    tables: TABLES,
};
