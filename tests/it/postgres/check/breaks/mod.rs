//! Every way of breaking a project is named.

mod access;
mod functions;
mod storage;
mod tables;

use std::collections::BTreeSet;

use chat_backend::cli::check::schema::{Description, Difference, Expected, compare};

use super::super::{Database, database};
use super::MAX_FILE_BYTES;

/// What is done to the database, and what the check says of it.
type Break = (&'static str, &'static str);

const BREAKS: [&[Break]; 4] = [access::BREAKS, functions::BREAKS, tables::BREAKS, storage::BREAKS];

/// The differences once `sql` was run, which is then undone: some of it would be seen by all tests.
async fn broken_by(db: &Database, sql: &str) -> Vec<Difference> {
    db.admin.batch_execute("begin").await.unwrap();
    db.admin.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    db.admin.batch_execute("set local role service_role").await.unwrap();
    let expected = Expected::committed();
    let names = serde_json::to_string(&expected.names()).unwrap();
    let described = async |function: &str| {
        db.strings(&format!("select public.{function}('{names}')::text")).await.remove(0)
    };
    let (found, around) =
        (described("describe_schema").await, described("describe_environment").await);
    db.admin.batch_execute("rollback").await.unwrap();
    let found: Description = serde_json::from_str(&found).unwrap();
    compare(&expected, &found.within(serde_json::from_str(&around).unwrap()), MAX_FILE_BYTES)
}

#[tokio::test]
async fn every_break_is_named() {
    let Some(db) = database().await else { return };
    assert_eq!(broken_by(&db, "select 1").await, []);
    let mut silent = Vec::new();
    let breaks = BREAKS.concat();
    for (sql, words) in &breaks {
        let differences = broken_by(&db, sql).await;
        let is_named = |d: &&Difference| d.is_problem && d.what.contains(words);
        match differences.iter().find(is_named) {
            Some(named) => assert!(!named.remedy.is_empty(), "{sql}"),
            None => silent.push(format!("{sql}\n  wanted: {words}\n  {differences:#?}")),
        }
    }
    assert!(silent.is_empty(), "{} of {}:\n{}", silent.len(), breaks.len(), silent.join("\n"));
    let distinct: BTreeSet<_> = breaks.iter().map(|(sql, _)| sql).collect();
    assert!(distinct.len() >= 40 && distinct.len() == breaks.len());
}

#[tokio::test]
async fn what_fails_nobody_is_only_told() {
    let Some(db) = database().await else { return };
    for (sql, words) in [
        ("create index by_name on public.files (name)", "index public.by_name is not of the"),
        ("alter table public.chats add column team uuid", "column public.chats.team is not of the"),
        (
            "create trigger audit after insert on public.chats
               for each row execute function private.set_updated_at()",
            "trigger audit on public.chats is not of the migrations",
        ),
        ("update storage.buckets set file_size_limit = 104857600", "file_size_limit: 104857600"),
        (
            "create table public.pins (chat_id uuid references public.chats);",
            "reference pins_chat_id_fkey on public.pins keeps rows that it names",
        ),
        (
            "create trigger welcome after insert on auth.users
               for each row execute function private.set_updated_at()",
            "trigger welcome on auth.users is not of the migrations",
        ),
        (
            "create function public.leak() returns bigint language sql security definer
               as 'select count(*) from public.messages';
             grant execute on function public.leak() to authenticated",
            "definer public.leak() is a function that signed-in users",
        ),
        (
            "create function public.add_claims(event jsonb) returns jsonb language sql as 'select event';
             revoke all on function public.add_claims(jsonb) from public",
            "hook public.add_claims(jsonb) looks like a hook of Auth, which may not call it",
        ),
        (
            "create function public.add_claims(event jsonb) returns jsonb language sql as 'select event'",
            "hook public.add_claims(jsonb) looks like a hook of Auth, and is open to anon, authenticated",
        ),
        ("grant create on schema public to authenticated", "changes of schema public are open to authenticated"),
        (
            "alter role authenticator set pgrst.db_pre_request = 'public.guard'",
            "settings of authenticator: public.guard runs before each request",
        ),
    ] {
        let differences = broken_by(&db, sql).await;
        assert_eq!(differences.len(), 1, "{sql}: {differences:#?}");
        let [Difference { what, is_problem, .. }] = &differences[..] else { unreachable!() };
        assert!(what.contains(words) && !is_problem, "{sql}: {what}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_judged() {
    let Some(db) = database().await else { return };
    db.admin.batch_execute("begin; revoke all on storage.buckets from service_role").await.unwrap();
    db.admin.batch_execute("set local role service_role").await.unwrap();
    let described = db.strings("select public.describe_schema('[]')::text").await.remove(0);
    db.admin.batch_execute("rollback").await.unwrap();
    let found: Description = serde_json::from_str(&described).unwrap();
    assert_eq!(found.unseen["bucket files"], "permission denied for table buckets");
    let differences = compare(&Expected::committed(), &found, MAX_FILE_BYTES);
    assert!(differences.iter().all(|difference| !difference.what.contains("bucket files")));
}
