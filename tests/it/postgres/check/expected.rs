//! The committed copy of what the migrations say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use chat_backend::cli::check::schema::{Aspects, Description, Expected, ExpectedObject, compare};
use serde_json::json;

use super::super::database::migrations;
use super::super::session::{explain, literal};
use super::super::{Database, bare_database, database};
use super::{MAX_FILE_BYTES, differences};

/// The functions that describe a database, which the last migrations create.
const DESCRIBING: &str = "20261126000003_check.sql";

/// Applies one migration after the other and looks at what each has changed.
async fn expected() -> Option<Expected> {
    let db = bare_database().await?;
    let owner = db.as_owner().await;
    let migrations = migrations();
    let describing = &migrations.iter().find(|(name, _)| name == DESCRIBING).unwrap().1;
    owner.batch_execute("create schema private").await.unwrap();
    owner.batch_execute(describing).await.unwrap();
    let mut objects = BTreeMap::new();
    let mut before = all(&db).await;
    // They are their migration's.
    before.retain(|name, _| !name.starts_with("function ") && name != "schema private");
    for (name, aspects) in &before {
        objects.insert(name.clone(), object(aspects.clone()));
    }
    for (file, sql) in &migrations {
        if file == DESCRIBING {
            owner.batch_execute(FORGET).await.unwrap();
        }
        let applied = owner.batch_execute(sql).await;
        applied.map_err(|error| format!("{file}: {}", explain(&error))).unwrap();
        let mut after = all(&db).await;
        if file.as_str() < DESCRIBING {
            after.retain(|name, _| !FUNCTIONS.iter().any(|function| name.starts_with(function)));
        }
        objects.retain(|name, _| after.contains_key(name));
        for (name, aspects) in after.iter().filter(|(name, is)| before.get(*name) != Some(is)) {
            let object = objects.entry(name.clone()).or_insert_with(|| object(Aspects::new()));
            if let Some(before) = before.get(name) {
                object.before.insert(file.clone(), before.clone());
            }
            object.files.truncate(1);
            object.files.push(file.clone());
            object.aspects.clone_from(aspects);
        }
        before = after;
    }
    Some(Expected { objects })
}

/// One that no migration has made.
fn object(aspects: Aspects) -> ExpectedObject {
    ExpectedObject { files: vec![], before: BTreeMap::new(), aspects }
}

const FUNCTIONS: [&str; 3] = [
    "function private.described_grants(",
    "function private.described_owner(",
    "function public.describe_schema(",
];

const FORGET: &str = "drop function public.describe_schema(jsonb), \
                      private.described_grants(aclitem[], oid), private.described_owner(oid)";

async fn all(db: &Database) -> BTreeMap<String, Aspects> {
    let described = db.strings("select public.describe_schema()::text").await.remove(0);
    serde_json::from_str::<Description>(&described).unwrap().objects
}

/// An object a line, so that a change is easy to look at.
fn written(expected: &Expected) -> String {
    let line = |(name, object): (&String, &ExpectedObject)| {
        format!("{}: {}", json!(name), serde_json::to_string(object).unwrap())
    };
    let lines: Vec<_> = expected.objects.iter().map(line).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

#[tokio::test]
async fn the_committed_copy_is_current() {
    let Some(expected) = expected().await else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/check/schema/expected.json");
    let current = written(&expected);
    if env::var_os("UPDATE_EXPECTED_SCHEMA").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == current,
        "run UPDATE_EXPECTED_SCHEMA=1 cargo test --test it expected::the_committed and look at the change"
    );
}

#[tokio::test]
async fn every_migration_is_named() {
    let files: BTreeSet<_> =
        Expected::committed().objects.into_values().flat_map(|object| object.files).collect();
    let mut names: BTreeSet<_> = migrations().into_iter().map(|(name, _)| name).collect();
    // All that it made has been made anew since.
    names.remove("20261126000001_bytes.sql");
    assert_eq!(files, names);
}

/// A database that a release has left behind says which files it lacks, and nothing else.
#[tokio::test]
async fn missing_migrations_are_named() {
    let Some(db) = bare_database().await else { return };
    let migrations = migrations();
    let describing = &migrations.iter().find(|(name, _)| name == DESCRIBING).unwrap().1;
    let owner = db.as_owner().await;
    for (number, (_, sql)) in migrations.iter().enumerate() {
        owner.batch_execute(sql).await.unwrap();
        let lacking = &migrations[number + 1..];
        if !lacking.iter().any(|(name, _)| name == DESCRIBING) {
            continue;
        }
        owner.batch_execute(&format!("begin; {describing}")).await.unwrap();
        let sql = "select public.describe_schema()::text";
        let described: String = owner.query_one(sql, &[]).await.unwrap().get(0);
        owner.batch_execute("rollback").await.unwrap();
        let found = serde_json::from_str(&described).unwrap();
        let differences = compare(&Expected::committed(), &found, MAX_FILE_BYTES);
        let named: Vec<_> = differences.iter().map(|d| d.what.split(':').next().unwrap()).collect();
        let lacking = lacking.iter().filter(|(name, _)| name != DESCRIBING);
        let lacking: Vec<_> =
            lacking.map(|(name, _)| format!("migration {name} is missing")).collect();
        assert_eq!(named, lacking, "{differences:#?}");
    }
}

#[tokio::test]
async fn an_unbroken_database_has_no_differences() {
    let Some(db) = database().await else { return };
    assert_eq!(differences(&db).await, []);
}

#[tokio::test]
async fn rows_of_users_change_nothing() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let evil = "policy x on public.chats' \u{1b}[2J; drop table chats";
    let chat = alice.insert("chats", json!({ "title": evil, "model": evil })).await.unwrap();
    let message = json!({ "chat_id": chat["id"], "role": "user", "content": evil });
    alice.insert("messages", message).await.unwrap();
    alice.insert("analytics", json!({ "name": "files" })).await.unwrap();
    alice.insert("files", json!({ "name": evil, "status": "deleting" })).await.unwrap();
    let object = format!(
        "insert into storage.objects (bucket_id, name) values ('files', {} || '/' || {})",
        literal(&json!(alice.id)),
        literal(&json!(evil))
    );
    alice.run(&object).await.unwrap();
    assert_eq!(differences(&db).await, []);
}

#[tokio::test]
async fn what_belongs_to_others_is_no_difference() {
    let Some(db) = database().await else { return };
    let others = "
        create table public.todos (id bigint primary key, title text);
        grant all on public.todos to anon;
        create function public.add(a int, b int) returns int language sql as 'select a + b';
        create function private.helper() returns int language sql as 'select 1';
        create view public.own_chats with (security_invoker = true) as select * from public.chats;
        grant select on public.own_chats to authenticated;
        create view public.counts as select count(*) from public.chats;
        revoke all on public.counts from anon, authenticated;
        insert into storage.buckets (id, name) values ('avatars', 'avatars');
        create policy avatars on storage.objects for all using (bucket_id = 'avatars');
        create policy buckets on storage.buckets for select to anon using (true);
        create role reporting; grant select on public.chats to reporting;
        create view public.titles with (security_invoker = on) as select title from public.own_chats;
        create view public.all_titles as select title from public.own_chats;
        grant select on public.titles, public.all_titles to authenticated;
        create table public.pins (chat_id uuid references public.chats on delete cascade);
        create function public.seen() returns bigint language sql security definer
          as 'select count(*) from public.todos';
        alter publication supabase_realtime add table public.files;
    ";
    let owner = db.as_owner().await;
    owner.batch_execute(others).await.unwrap();
    assert_eq!(differences(&db).await, []);
}

#[tokio::test]
async fn only_the_service_key_may_ask() {
    let Some(db) = database().await else { return };
    for session in [db.user("alice").await, db.as_anon().await] {
        for function in ["describe_schema", "describe_environment"] {
            let refused = session.call(function, json!({})).await.unwrap_err();
            assert_eq!(refused.code, "42501");
        }
    }
}
