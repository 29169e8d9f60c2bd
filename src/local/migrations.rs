//! The files of `supabase/migrations`, which are the one description of the tables.

use super::registrations::REGISTRATIONS;
use crate::local_supabase::Project;
use crate::local_supabase::migrations::Legacy;

/// What the migrations describe, without the functions that stand beside them.
pub static TABLES: Project = Project {
    migrations: MIGRATIONS,
    registrations: REGISTRATIONS,
    legacy: LEGACY,
    functions: &[],
    buckets: &[],
    check_user: None,
};

macro_rules! migrations {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../supabase/migrations/", $file)))),*]
    };
}

/// Their names and texts, in their order. A test compares the list with the folder.
pub static MIGRATIONS: &[(&str, &str)] = migrations![
    "20261122000001_tables.sql",
    "20261122000002_generation.sql",
    "20261122000003_analytics.sql",
    "20261122000004_daily_tokens.sql",
    "20261122000005_files.sql",
    "20261122000006_scripts.sql",
    "20261122000007_check.sql",
    "20261126000001_bytes.sql",
    "20261126000002_script_runs.sql",
    "20261126000003_check.sql",
    "20261127000010_generation.sql",
    "20261127000020_checkpoints.sql",
    "20261127000030_peers.sql",
    "20261127000040_tool_calls.sql",
    "20261127000050_branches.sql",
    "20261128000010_approvals.sql",
    "20261128000020_tool_functions.sql",
    "20261128000030_tool_tokens.sql",
    "20261128000040_plans.sql",
    "20261128000050_account.sql",
    "20261129000010_made_calls.sql",
    "20261129000020_usage_days.sql",
    "20261129000040_passages.sql",
    "20261130000010_environment.sql",
    "20261201000010_one_active_child.sql",
    "20261201000020_locks.sql",
    "20261202000010_messages.sql",
    "20261202000020_touch_chat.sql",
];

/// Folders of before the tables were read from the migrations: each version was a file in SQLite's own
/// words. The repairs are what such a file had that the migrations say otherwise.
pub static LEGACY: &[Legacy] = &[
    Legacy { user_version: 2, files: 2, repair: "" },
    Legacy { user_version: 3, files: 4, repair: RESERVATIONS },
    Legacy { user_version: 4, files: 5, repair: RESERVATIONS },
    Legacy { user_version: 5, files: 8, repair: RESERVATIONS },
    Legacy {
        user_version: 6,
        files: 10,
        repair: concat!(
            "alter table token_reservations rename to \"private.token_reservations\";",
            "update files
              set created_at = min(max(created_at, -62135596800000000), 253370678400000000),
                  updated_at = clock_timestamp()
              where min(created_at, updated_at) < -62135596800000000
                or max(created_at, updated_at) >= 253370764800000000;"
        ),
    },
];

const RESERVATIONS: &str =
    "alter table token_reservations rename to \"private.token_reservations\";";
