//! The description of the tables against the tables that there are in SQLite.

use rusqlite::Connection;

use super::support::*;
use crate::local::schema::TABLES;
use crate::local_supabase::functions::value;
use crate::local_supabase::schema::{Action, Column, Default, ForeignKey};

async fn with_connection(check: impl FnOnce(&Connection)) {
    let server = Server::start().await;
    check(&server.supabase.connect().unwrap());
}

fn strings(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// `title text 1 'New chat'`
fn column(column: &Column) -> String {
    let stored = column.pg_type.storage().name();
    let default = match column.default {
        Default::Expression(expression) if expression.postgres != "auth.uid()" => {
            expression.postgres.to_owned()
        }
        Default::Literal(text) => match value::parse(column.pg_type, text, 0).unwrap() {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            _ => format!("'{text}'"),
        },
        _ => String::new(),
    };
    format!("{} {stored} {} {default}", column.name, u8::from(!column.nullable))
}

#[tokio::test]
async fn columns() {
    with_connection(|connection| {
        for table in TABLES {
            let described: Vec<_> = table.stored_columns().map(column).collect();
            let found = format!(
                "select name || ' ' || lower(type) || ' ' || \"notnull\" || ' ' || \
                 coalesce(dflt_value, '') from pragma_table_info('{}')",
                table.name
            );
            assert_eq!(strings(connection, &found), described, "{}", table.name);
        }
    })
    .await;
}

#[tokio::test]
async fn unique_constraints() {
    with_connection(|connection| {
        for table in TABLES {
            let mut described: Vec<_> =
                table.unique.iter().map(|unique| unique.columns.join(",")).collect();
            described.sort();
            let found = format!(
                "select (select group_concat(name) from pragma_index_info(list.name)) as columns \
                 from pragma_index_list('{}') as list where \"unique\" order by columns",
                table.name
            );
            assert_eq!(strings(connection, &found), described, "{}", table.name);
        }
    })
    .await;
}

#[tokio::test]
async fn foreign_keys() {
    let described = |key: &ForeignKey| {
        // SQLite cannot set one column of several to null; triggers do it.
        let on_delete = match key.on_delete {
            Action::Cascade => "CASCADE",
            Action::SetNull(columns) if columns == key.columns => "SET NULL",
            Action::SetNull(_) => "NO ACTION",
            other => panic!("{other:?}"),
        };
        let (own, foreign) = (key.columns.join(","), key.foreign_columns.join(","));
        format!("{own} {}({foreign}) {on_delete}", key.sqlite_table())
    };
    with_connection(move |connection| {
        for table in TABLES {
            let mut described: Vec<_> = table.foreign_keys.iter().map(described).collect();
            described.sort();
            let found = format!(
                "select group_concat(\"from\") || ' ' || \"table\" || '(' || group_concat(\"to\") \
                 || ') ' || on_delete as key from pragma_foreign_key_list('{}') group by id \
                 order by key",
                table.name
            );
            assert_eq!(strings(connection, &found), described, "{}", table.name);
        }
    })
    .await;
}

#[tokio::test]
async fn names_of_constraints() {
    with_connection(|connection| {
        for table in TABLES {
            let ddl = strings(
                connection,
                &format!(
                    "select sql from sqlite_schema where tbl_name = '{}' and sql is not null",
                    table.name
                ),
            );
            let ddl = ddl.join("\n");
            let unique = table.unique.iter().map(|unique| unique.name);
            for name in unique.chain(table.foreign_keys.iter().map(|key| key.name)) {
                assert!(ddl.contains(&format!(" {name} ")), "{name}");
            }
        }
    })
    .await;
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
