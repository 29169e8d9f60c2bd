//! What is not understood closes what it would have protected, and is reported.

use super::read;

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
        "create table t (c int); do\n$x$ begin execute 'alter table t enable row level security'; end $x$;",
    ];
    for sql in cases {
        let plan = read(sql);
        assert!(plan.schema.tables.iter().all(|table| table.name != "t"), "{sql}");
        assert!(!plan.notices.is_empty(), "{sql}");
        assert!(plan.schema.unavailable.iter().any(|table| table.table == "t"), "{sql}");
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
    for (body, trigger, refused) in [(strange, before, 2), (strange, after, 0), (raising, after, 1)]
    {
        let sql = format!("create table t (c int); {} {trigger}", function(body));
        let plan = read(&sql);
        assert_eq!(plan.schema.tables[0].refused.len(), refused, "{body} {trigger}");
        assert!(plan.notices.iter().any(|notice| notice.statement.starts_with("create trigger")));
    }
}
