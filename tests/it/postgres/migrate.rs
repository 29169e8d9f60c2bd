//! Applying the migrations to a project that is in use.

use super::{Database, bare_database};

/// What another application in the same project may have.
const OTHERS: &str = "
    create schema private;
    create function private.helper() returns int language sql as 'select 1';
    create table public.todos (id bigint generated always as identity primary key, title text);
    grant select on public.todos to anon;
    alter table public.todos enable row level security;
    create policy everybody on public.todos for all using (true);
    create function public.add(a int, b int) returns int language sql as 'select a + b';
    insert into public.todos (title) values ('milk');
";

/// Owners, privileges and policies of what is there.
const STATE: &str = "
    select relname || ' ' || relrowsecurity || ' ' || coalesce(relacl::text, '') from pg_class
      where relname like 'todos%'
    union all select oid::regprocedure || ' ' || coalesce(proacl::text, '') from pg_proc
      where proname in ('helper', 'add')
    union all select policyname || ' ' || roles::text from pg_policies where tablename = 'todos'
    union all select 'default ' || defaclnamespace::text || defaclobjtype::text || defaclacl::text
      from pg_default_acl
    order by 1
";

const PUBLISHED: &str = "
    select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' order by 1
";

async fn in_use(more: &str) -> Option<Database> {
    let db = bare_database().await?;
    db.as_owner().await.batch_execute(OTHERS).await.unwrap();
    db.admin.batch_execute(more).await.unwrap();
    Some(db)
}

#[tokio::test]
async fn what_belongs_to_others_stays_as_it_is() {
    let Some(db) = in_use("alter publication supabase_realtime add table todos").await else {
        return;
    };
    let before = db.strings(STATE).await;
    db.migrate().await.unwrap();
    assert_eq!(db.strings(STATE).await, before);
    assert_eq!(db.strings(PUBLISHED).await, ["chats", "messages", "todos"]);
    let anon = db.as_anon().await;
    assert_eq!(anon.rows("select title from todos").await.unwrap().len(), 1);
}

#[tokio::test]
async fn realtime_may_publish_everything_or_nothing() {
    for realtime in [
        "drop publication supabase_realtime",
        "drop publication supabase_realtime; \
        create publication supabase_realtime for all tables",
    ] {
        let Some(db) = in_use(realtime).await else { return };
        db.migrate().await.unwrap();
        let published = db.strings(PUBLISHED).await;
        assert_eq!(published.contains(&"chats".to_owned()), realtime.contains("all tables"));
    }
}

#[tokio::test]
async fn a_second_time_nothing_happens() {
    let Some(db) = in_use("").await else { return };
    db.migrate().await.unwrap();
    let alice = db.user("alice").await;
    alice.insert("chats", serde_json::json!({ "title": "Trip" })).await.unwrap();
    let refused = db.migrate().await.unwrap_err();
    assert!(refused.contains("already exists"), "{refused}");
    assert_eq!(alice.rows("select title from chats").await.unwrap().len(), 1);
}
