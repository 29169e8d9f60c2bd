//! The local Supabase and the migrations say the same: tables, columns, functions.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Database, database};
use crate::support::{TestApp, User, app, skipped_on_a_real_supabase};

/// The migrated database, and what the local Supabase says of itself, as PostgREST does.
async fn both() -> Option<(Database, TestApp, User, Value)> {
    if skipped_on_a_real_supabase("the local one") {
        return None;
    }
    let db = database().await?;
    let app = app().await;
    let alice = app.user("alice").await;
    let description = alice.rest(Method::GET, "/", None).await.expect(200);
    Some((db, app, alice, description))
}

/// `chats.title text not null default New chat`
async fn real_columns(db: &Database) -> Vec<String> {
    db.strings(
        "select table_name || '.' || column_name || ' ' || \
           case data_type when 'bigint' then 'int64' when 'integer' then 'int32' else data_type end || \
           case is_nullable when 'NO' then ' not null' else '' end || \
           case when column_default is null or data_type = 'jsonb' then '' else ' default ' || \
             trim(both '''' from regexp_replace(column_default, '::[a-z ]+$', '')) end \
         from information_schema.columns where table_schema = 'public' \
           order by table_name collate \"C\", column_name collate \"C\"",
    )
    .await
}

fn local_columns(description: &Value) -> Vec<String> {
    let mut columns = Vec::new();
    for (table, definition) in description["definitions"].as_object().unwrap() {
        let required = definition["required"].as_array().unwrap();
        for (name, property) in definition["properties"].as_object().unwrap() {
            let not_null = if required.contains(&json!(name)) { " not null" } else { "" };
            let default = match &property["default"] {
                Value::Null => String::new(),
                Value::String(text) => format!(" default {text}"),
                other => format!(" default {other}"),
            };
            let pg_type = property["format"].as_str().unwrap();
            columns.push((table, name, format!("{table}.{name} {pg_type}{not_null}{default}")));
        }
    }
    columns.sort();
    columns.into_iter().map(|(_, _, column)| column).collect()
}

#[tokio::test]
async fn the_columns_are_the_same() {
    let Some((db, _app, _, description)) = both().await else { return };
    let computed = db
        .strings(
            "select t.relname || '.' || p.proname from pg_proc p join pg_class t on t.reltype = \
               p.proargtypes[0] where p.pronamespace = 'public'::regnamespace and p.pronargs = 1",
        )
        .await;
    assert!(computed.contains(&"chats.last_activity_at".to_owned()), "{computed:?}");
    let mut local = local_columns(&description);
    for name in &computed {
        let before = local.len();
        local.retain(|column| column.split(' ').next() != Some(name));
        assert_eq!(local.len(), before - 1, "the local Supabase does not compute {name}");
    }
    assert_eq!(local, real_columns(&db).await);
}

#[tokio::test]
async fn the_functions_are_the_same() {
    let Some((db, _app, _, description)) = both().await else { return };
    let real = db
        .strings(
            "select p.proname || '(' || coalesce(string_agg(a.name || ' ' || \
               format_type(a.type, null) || case when a.n > p.pronargs - p.pronargdefaults \
                 then ' default' else '' end, ', ' order by a.name collate \"C\"), '') || ')' \
             from pg_proc p left join lateral unnest(p.proargnames, p.proargtypes::oid[]) \
               with ordinality as a (name, type, n) on a.type is not null \
             where p.pronamespace = 'public'::regnamespace \
               and not exists (select 1 from pg_class t where t.reltype = p.proargtypes[0]) \
             group by p.oid order by p.proname collate \"C\"",
        )
        .await;
    let paths = description["paths"].as_object().unwrap().iter();
    let functions = paths.filter_map(|(path, item)| Some((path.strip_prefix("/rpc/")?, item)));
    let mut local: Vec<_> = functions.map(|(name, item)| function(name, item)).collect();
    local.sort();
    assert_eq!(local, real);
}

/// `toggle_chat(p_chat_id uuid, p_column text)`
fn function(name: &str, path: &Value) -> String {
    let schema = &path["post"]["parameters"][0]["schema"];
    let required = schema["required"].as_array().unwrap();
    let mut parameters: Vec<_> = schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, property)| {
            let default = if required.contains(&json!(name)) { "" } else { " default" };
            // PostgREST has names of its own for integers.
            let format = property["format"].as_str().unwrap().replace("int64", "bigint");
            let format = format.replace("int32", "integer");
            format!("{name} {format}{default}")
        })
        .collect();
    parameters.sort();
    format!("{name}({})", parameters.join(", "))
}

#[tokio::test]
async fn rows_begin_the_same() {
    let Some((db, _app, local, _)) = both().await else { return };
    let real = db.user("alice").await;
    let chat = "00000000-0000-4000-8000-000000000001";
    for (table, row) in [
        ("chats", json!({ "id": chat })),
        ("messages", json!({ "chat_id": chat, "role": "user" })),
        ("usage_logs", super::access::usage()),
        ("analytics", json!({ "name": "opened" })),
    ] {
        let stored = real.insert(table, row.clone()).await.unwrap();
        let inserted = local.rest(Method::POST, &format!("/{table}"), Some(row)).await.expect(201);
        let made = ["id", "user_id", "created_at", "updated_at", "occurred_at"];
        for (column, value) in stored.as_object().unwrap() {
            let other = &inserted[0][column];
            let differs = made.contains(&column.as_str()) && value.is_string() && other.is_string();
            assert!(differs || value == other, "{table}.{column}: {value} and {other}");
        }
        assert_eq!(stored.as_object().unwrap().len(), inserted[0].as_object().unwrap().len());
    }
}
