//! What is not understood closes what it would have protected, and is reported.

use super::{read, table};
use crate::role::Role;
use crate::schema::{Command, RowSecurity};

/// Each makes the table `t` unavailable.
#[test]
fn a_table_that_cannot_be_carried_over_is_not_served() {
    let cases = [
        "create table t (c tsvector);",
        "create table t (c int) partition by range (c);",
        "create table t (c int, exclude using gist (c with =));",
        "create table t (c int check (unknown_function(c)));",
        "create table t (c text check (c < 'm'));",
        "create table t (c int references missing);",
        "create table t (c text default other_schema.make());",
        "create table t (c int); alter table t enable row level security; create policy p on t using (unknown());",
        "create table t (c int); alter table t enable row level security; create policy p on t as what;",
        "create table t (c int); alter table t add column d geometry;",
        "create table t (c int); alter table t set unheard of;",
        "create table t (c int); create unique index on t using btree (c collate \"x\" what);",
        "create table t (c int); revoke all on t from anon in some way;",
        "create table t (c int); do $$ begin execute 'alter table t enable row level security'; end $$;",
        "create table auth_users (c int); create table t (c int); alter table t drop constraint missing;",
        "create table o (c money unique); create table t (c int references o (c));",
        "create table t (c int); alter table t enable row level security;
         create policy p on t using (exists (select 1 from auth.users));",
        "create table t (c int unique nulls not distinct);",
        "create table t (c int); create or replace rule r as on insert to t do instead nothing;",
        "create event trigger e on ddl_command_end execute function f(); create table t (c int);",
        "create table t (c int); alter table t enable row level security; create policy o on t using (true);
         create policy \"not on sundays\" on t as restrictive using (xmlexists('//a' passing by ref '<a/>'));",
        "create table t (c int); create or replace trigger g before insert on t nobody knows;",
        "create table t (c int); create table tables (c int);
         do $$ declare r record; begin for r in select tablename from pg_tables loop
         execute format('alter table %I enable row level security', r.tablename); end loop; end $$;",
        "create table t (c int); do $$ begin alter table t add constraint k check (c > 0) what; end $$;",
        "create table t (c int); create function f() returns void language plpgsql as $$ begin
         alter table t enable row level security; end $$; select f();",
        "create table t (c int); revoke all on o, t from anon in some way;",
        "create schema s; set search_path to s, public; create table t (c int); set search_path = public;
         create view public.t as select 1;",
        "alter default privileges in schema public revoke all on tables from anon what; create table t (c int);",
        "create table t (c int); do\n$x$ begin execute 'alter table t enable row level security'; end $x$;",
    ];
    for sql in cases {
        let plan = read(sql);
        assert!(plan.schema.tables.iter().all(|table| table.name != "t"), "{sql}");
        assert!(!plan.notices.is_empty(), "{sql}");
        let is_elsewhere = sql.contains("search_path");
        let is_reported = plan.schema.unavailable.iter().any(|table| table.table == "t");
        assert!(is_reported || is_elsewhere, "{sql}");
    }
}

#[test]
fn it_is_told_where_and_what() {
    let plan = read(
        "create table t (c int); grant select on t to anon;\n\ncreate thing of no kind;\ncreate view v as select 1;",
    );
    let reported: Vec<_> = plan.notices.iter().map(|n| (n.line, n.message.as_str())).collect();
    assert!(
        reported
            .iter()
            .any(|(line, text)| *line == 4 && text.contains("the view v is not available")),
        "{reported:?}"
    );
    assert!(
        reported.iter().any(|(_, text)| text.contains("row-level security is off")),
        "{reported:?}"
    );
}

/// A trigger that may refuse a row has its writes refused; one that follows is only reported.
#[test]
fn triggers_that_cannot_run() {
    let function = |body: &str| {
        format!("create function f() returns trigger language plpgsql as $$ {body} $$;")
    };
    let before = "create trigger g before insert or update on t for each row execute function f();";
    let after = "create trigger g after insert on t for each row execute function f();";
    let strange = "begin perform something(); return new; end";
    let raising =
        "begin perform look(); if true then raise exception 'no'; end if; return new; end";
    // As its caller, who may have no right to it.
    let writing = "insert into log (c) values (new.c);";
    for (body, trigger, refused) in
        [(strange, before, 2), (strange, after, 0), (raising, after, 1), (writing, after, 1)]
    {
        let sql = format!("create table t (c int); {} {trigger}", function(body));
        let plan = read(&sql);
        assert_eq!(plan.schema.tables[0].refused.len(), refused, "{body} {trigger}");
        assert!(plan.notices.iter().any(|notice| notice.statement.starts_with("create trigger")));
    }
}

/// What is rolled back is not there, and a block that fails in one part has done nothing.
#[test]
fn what_did_not_happen() {
    let table = "create table t (c int); alter table t enable row level security;";
    let cases = [
        "begin; create policy p on t using (true); rollback;",
        "create type e as enum ('a'); do $$ begin create type e as enum ('b');
         create policy p on t using (true); exception when duplicate_object then null; end $$;",
        "create table o (c int); create policy p on o using (true);
         do $$ begin if not exists (select 1 from pg_policies where policyname = 'p') then
         create policy p on t using (true); end if; end $$;",
        "do $$ begin if exists (select from information_schema.tables where table_name = 'o') then
         create policy p on t using (true); end if; end $$;",
    ];
    for sql in cases {
        let plan = read(&format!("{table} {sql}"));
        let served = plan.schema.tables.iter().find(|table| table.name == "t");
        assert!(served.is_none_or(|table| table.policies.is_empty()), "{sql}");
    }
}

/// A trigger on users that does not run refuses them, if it might.
#[test]
fn users_whom_a_trigger_might_refuse() {
    for (word, refused) in [("exception", 1), ("warning", 0)] {
        let sql = format!(
            "create function f() returns trigger language plpgsql as $$ begin perform look();
             raise {word} 'no'; return new; end $$;
             create trigger g after insert on auth.users for each row execute function f();"
        );
        let plan = read(&sql);
        let refusing = plan.notices.iter().filter(|notice| notice.message.contains("are refused"));
        assert_eq!(refusing.count(), refused, "{word}");
    }
}

/// PostgreSQL adds the conditions of permissive policies with "or"; one that has none adds nothing.
#[test]
fn policies_without_a_condition() {
    let all = "create table t (c int); alter table t enable row level security;
               create policy p on t with check (true);";
    let table = table(all, "t");
    for command in [Command::Select, Command::Update, Command::Delete] {
        let RowSecurity::Policies { permissive, .. } = table.using(Role::Anon, command) else {
            panic!("row-level security is off");
        };
        assert!(permissive.is_empty(), "{command:?}");
    }
    let RowSecurity::Policies { permissive, .. } = table.with_check(Role::Anon, Command::Insert)
    else {
        panic!("row-level security is off");
    };
    assert_eq!(permissive.len(), 1);
}
