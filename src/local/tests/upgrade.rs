//! Folders of earlier releases.

use super::support::{Folder, options};
use crate::local::PROJECT;
use crate::local_supabase::schema::Schema;
use crate::local_supabase::{LocalSupabase, Project};

/// A folder of the release before script runs could be cancelled.
#[test]
fn script_runs_of_an_earlier_version_are_kept() {
    let folder = Folder::new();
    let connect =
        |project| LocalSupabase::open(&folder.0, project, options()).unwrap().connect().unwrap();
    let schema = Schema { migrations: &PROJECT.schema.migrations[..4], ..*PROJECT.schema };
    let earlier = connect(Project { schema: Box::leak(Box::new(schema)), ..PROJECT });
    let version: u32 = earlier.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 5, "as that release counted");
    let alice = "insert into auth_users (id, role, app_metadata, user_metadata, is_anonymous, \
                 created_at, updated_at) values ('alice', 'authenticated', '{}', '{}', 1, 0, 0)";
    let insert = |status: &str| {
        format!(
            "insert into script_runs (id, user_id, language, code, status, stdout, duration_ms, \
             created_at) values ('{status}', 'alice', 'python', '1', '{status}', 'hi', 7, 1)"
        )
    };
    earlier.execute_batch(alice).unwrap();
    earlier.execute_batch(&insert("ok")).unwrap();
    assert!(earlier.execute_batch(&insert("cancelled")).is_err());
    drop(earlier);
    let upgraded = connect(PROJECT);
    upgraded.execute_batch(&insert("cancelled")).unwrap();
    let select = "select group_concat(status || stdout || duration_ms || bytes) from script_runs";
    let runs: String = upgraded.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(runs, "okhi77,cancelledhi77");
}
