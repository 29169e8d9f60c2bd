//! What the migrations come to: everything of ours is read or registered, and what is read makes the
//! tables that the functions count on.

use std::path::Path;

use super::support::*;
use crate::local::{LocalSupabase, Options, PROJECT, read_own_tables};

#[test]
fn every_file_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase/migrations");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    let listed: Vec<_> = PROJECT.migrations.iter().map(|(file, _)| *file).collect();
    assert_eq!(listed, names, "list the new file in src/local/migrations.rs");
}

#[test]
fn every_statement_is_read_or_registered() {
    let notices = PROJECT.notices();
    assert!(notices.is_empty(), "write what it does in Rust or SQL, and register it: {notices:#?}");
}

#[test]
fn tables_are_what_the_migrations_say() {
    let tables = PROJECT.schema().tables;
    let names: Vec<_> = tables.iter().map(|table| table.name).collect();
    let by_id = ["chats", "messages", "usage_logs", "analytics", "files", "script_runs"];
    assert_eq!(names, [&by_id[..], &["passages", "indexed_files"]].concat());
    assert!(tables.iter().all(|table| table.has_row_security));
    let mut keyed = tables.iter().filter(|table| by_id.contains(&table.name));
    assert!(keyed.all(|table| table.primary_key() == ["id"]));
}

#[tokio::test]
async fn lists_are_read_in_the_order_of_an_index() {
    let server = Server::start().await;
    let chats = "order=last_activity_at.desc,id.desc&limit=50";
    let messages = "chat_id=eq.00000000-0000-0000-0000-000000000001&order=created_at,id";
    let cases = [
        ("chats", chats.to_owned(), "chats_last_activity_idx"),
        ("chats", format!("{chats}&is_archived=is.false"), "chats_last_activity_idx"),
        ("messages", messages.to_owned(), "messages_chat_created_idx"),
        ("messages", format!("{messages}&is_active=is.true"), "messages_chat_created_idx"),
    ];
    for (table, text, index) in cases {
        let plan = server.supabase.query_plan(ALICE, table, &text).unwrap();
        assert!(plan.contains(index), "{text}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{text}: {plan}");
    }
}

/// Nothing of what front ends' migrations say is lost.
#[test]
fn migrations_of_front_ends_are_read() {
    let projects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/projects");
    for entry in std::fs::read_dir(projects).unwrap() {
        let project = entry.unwrap().path();
        let folder = Folder::new();
        let tables = read_own_tables(&project.join("migrations")).unwrap();
        let options = Options {
            migrations: Some(tables.migrations),
            auto_expose_new_tables: tables.auto_expose_new_tables == Some(true),
            ..options()
        };
        let supabase = LocalSupabase::open(&folder.0, PROJECT, options).unwrap();
        // Functions of theirs are put where policies use them, but cannot be called.
        let is_warning = |text: &str| {
            text.starts_with("row-level security is off")
                || text.starts_with("nothing on it is granted")
                || ["is_project_member", "places_of"]
                    .iter()
                    .any(|name| text.contains(&format!("/rpc/{name} is not")))
        };
        let lost: Vec<_> = supabase.notices().iter().filter(|n| !is_warning(&n.message)).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", project.display());
    }
}
