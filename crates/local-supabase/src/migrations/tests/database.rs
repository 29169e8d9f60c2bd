//! What becomes of a database.

use clock::Clock;
use rusqlite::Connection;

use super::file;
use crate::migrations::read::Migration;
use crate::migrations::{ApplyError, Desired, Notice, apply};

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    crate::rest::prepare(&connection, &Clock::System).unwrap();
    connection
}

fn files(texts: &[&str]) -> Vec<Migration> {
    let named = |(n, sql): (usize, &&str)| Migration { file: format!("{n}_x.sql"), ..file(sql) };
    texts.iter().enumerate().map(named).collect()
}

fn bring(connection: &mut Connection, texts: &[&str]) -> Result<Vec<Notice>, ApplyError> {
    let added = files(texts);
    let desired = Desired {
        own: &[],
        added: Some(&added),
        exposes: true,
        registrations: &[],
        legacy: &[],
        reset: false,
    };
    apply(connection, desired, |_| Ok(())).map(|(_, notices)| notices)
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn rows_stay_when_tables_change() {
    let mut db = connection();
    let first = "create table p (id int primary key);
                 create table t (id int primary key, a text, b int references p (id) on delete cascade);
                 insert into p values (1); insert into t values (1, 'x', 1), (2, 'y', null);";
    bring(&mut db, &[first]).unwrap();
    let second =
        "alter table t rename a to name; alter table t add column d text not null default 'z';
                  alter table t rename to s; alter table t drop column nothing;
                  create index on s (name);";
    let second = second.replace(
        "alter table t drop column nothing;",
        "alter table s drop column if exists nothing;",
    );
    bring(&mut db, &[first, &second]).unwrap();
    let rows = "select group_concat(id || name || coalesce(b, '-') || d) from s";
    assert_eq!(text(&db, rows), "1x1z,2y-z");
    db.execute_batch("delete from p").unwrap();
    assert_eq!(text(&db, rows), "2y-z");
    bring(&mut db, &[first, &second, "drop table s;"]).unwrap();
    assert!(db.prepare("select * from s").is_err());
}

#[test]
fn a_file_that_changed_or_went_is_refused() {
    let mut db = connection();
    bring(&mut db, &["create table t (id int);"]).unwrap();
    assert!(
        matches!(bring(&mut db, &["create table t (id bigint);"]), Err(ApplyError::Changed(f)) if f == "0_x.sql")
    );
    assert!(matches!(bring(&mut db, &[]), Err(ApplyError::Gone(f)) if f == "0_x.sql"));
}

#[test]
fn rows_of_migrations() {
    let mut db = connection();
    let notices = bring(
        &mut db,
        &["create table t (id bigint generated always as identity primary key, name text unique, at timestamptz default now());
           insert into t (name) values ('a'), ('b') on conflict (name) do nothing;
           update t set name = upper(name) where id = 2;
           insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
           insert into t (name) select 'c';"],
    )
    .unwrap();
    assert_eq!(text(&db, "select group_concat(id || name) from t"), "1a,2B");
    assert_eq!(text(&db, "select name || public from storage_buckets"), "avatars1");
    let reported: Vec<_> =
        notices.iter().filter(|notice| notice.message.contains("rows are missing")).collect();
    assert_eq!(reported.len(), 1, "{notices:#?}");
}

#[test]
fn triggers_that_nearly_every_project_has() {
    let mut db = connection();
    let notices = bring(
        &mut db,
        &["create table profiles (id uuid primary key references auth.users on delete cascade, name text, updated_at timestamptz, n serial);
           create function handle_new_user() returns trigger language plpgsql security definer as $$
           begin
             insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
             return new;
           end; $$;
           create trigger on_auth_user_created after insert on auth.users for each row execute procedure handle_new_user();
           create function touch() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
           create trigger touch before update on profiles for each row execute function touch();
           create extension moddatetime;
           alter table profiles enable row level security;"],
    )
    .unwrap();
    assert!(notices.is_empty(), "{notices:#?}");
    let user = "insert into auth_users (id, role, app_metadata, user_metadata, is_anonymous, created_at, updated_at) \
                values ('a', 'authenticated', '{}', '{\"name\": \"Al\"}', 0, 0, 0)";
    db.execute_batch(user).unwrap();
    assert_eq!(text(&db, "select name || n || coalesce(updated_at, '-') from profiles"), "Al1-");
    db.execute_batch("update profiles set name = 'Bo'").unwrap();
    assert_eq!(text(&db, "select name || (updated_at > 0) from profiles"), "Bo1");
}

#[test]
fn branches_of_triggers() {
    let mut db = connection();
    let notices = bring(
        &mut db,
        &["create table w (id int primary key, home boolean not null default false, kind text, note text);
           create table log (id bigint generated by default as identity primary key, what text);
           create function guard() returns trigger language plpgsql security definer as $$
           begin
             -- Home stays home.
             if old.home <> new.home then
               raise exception 'home cannot change';
             end if;
             if new.kind is null then
               new.note := 'none';
             elsif new.kind = 'a' then
               new.note := 'first';
             else
               insert into log (what) values ('other ' || new.kind);
             end if;
             return new;
           end; $$;
           create trigger guard before update on w for each row execute function guard();
           insert into w (id) values (1);"],
    )
    .unwrap();
    let reported: Vec<_> = notices.iter().filter(|n| !n.message.contains("row-level")).collect();
    assert!(reported.is_empty(), "{reported:#?}");
    let note = "select coalesce(note, '-') || (select count(*) from log) from w";
    for (change, expected) in
        [("kind = null", "none0"), ("kind = 'a'", "first0"), ("kind = 'b'", "first1")]
    {
        db.execute_batch(&format!("update w set {change}")).unwrap();
        assert_eq!(text(&db, note), expected, "{change}");
    }
    let refusal = db.execute_batch("update w set home = true").unwrap_err().to_string();
    assert_eq!(refusal, "postgresql:P0001:home cannot change");
}

#[test]
fn tables_of_the_project_stay_its_own() {
    let own = Migration {
        is_own: true,
        ..Migration::new("1_own.sql", "create table chats (id uuid primary key);")
    };
    let sql = "create table chats (id int primary key, title text); alter table chats enable row level security;
               create policy p on chats using (title = 'x'); create table todos (id int, chat uuid references chats);";
    let added = [Migration::new("2_added.sql", sql)];
    let (own, mut db) = ([own], connection());
    let desired = Desired {
        own: &own,
        added: Some(&added),
        exposes: false,
        registrations: &[],
        legacy: &[],
        reset: false,
    };
    let (plan, notices) = apply(&mut db, desired, |_| Ok(())).unwrap();
    let served: Vec<_> =
        plan.schema.tables.iter().map(|table| (table.name, table.columns.len())).collect();
    assert_eq!(served, [("chats", 1), ("todos", 2)]);
    assert!(!plan.schema.tables[0].has_row_security);
    assert!(notices[0].message.contains("the project itself has a table chats"), "{notices:#?}");
}

#[test]
fn variables_of_triggers() {
    let mut db = connection();
    let notices = bring(
        &mut db,
        &["create table people (id uuid primary key, name text, kind text);
           create function make_person() returns trigger language plpgsql security definer as $$
           declare
             user_name text;
             kind text;
           begin
             user_name := split_part(new.email, '@', 1);
             if new.raw_user_meta_data ->> 'name' is not null then
               user_name := new.raw_user_meta_data ->> 'name';
             end if;
             select count(*)::text into kind from public.people;
             insert into public.people (id, name, kind) values (new.id, user_name, kind);
             return new;
           end; $$;
           create trigger made after insert on auth.users for each row execute function make_person();"],
    )
    .unwrap();
    let reported: Vec<_> = notices.iter().filter(|n| !n.message.contains("row-level")).collect();
    assert!(reported.is_empty(), "{reported:#?}");
    for (id, data) in [("a", "{}"), ("b", "{\"name\": \"Bo\"}")] {
        let user = "insert into auth_users (id, email, role, app_metadata, user_metadata, is_anonymous, created_at, updated_at) \
                    values (?1, 'al@example.com', 'authenticated', '{}', ?2, 0, 0, 0)";
        let user = user.replace("al@", &format!("al{id}@"));
        db.execute(&user, [id, data]).unwrap();
    }
    assert_eq!(text(&db, "select group_concat(name || kind) from people"), "ala0,Bo1");
}
