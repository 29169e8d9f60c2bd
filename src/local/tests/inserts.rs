//! POST.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;
use crate::local_supabase::Role;

const FULL: &str = "return=representation";
const OBJECT: &str = "application/vnd.pgrst.object+json";
const A1: &str = "00000000-0000-0000-0000-00000000a001";

#[tokio::test]
async fn inserts() {
    let server = Server::start().await;
    let new = |number, title| json!({"id": id(number), "title": title});
    let cases = vec![
        case("046-post-minimal", ALICE, post("/chats").json(&json!({"title": "min"})))
            .answers(201, "")
            .with("content-range", "*/*")
            .with("content-length", "0")
            .with("preference-applied", ""),
        case(
            "047-post-representation",
            ALICE,
            post("/chats").prefer(FULL).json(
                &json!({"id": id(1), "title": "rep", "created_at": "2026-02-01T00:00:00Z"}),
            ),
        )
        .answers(
            201,
            "[{\"id\":\"00000000-0000-0000-0000-000000000001\",\
             \"user_id\":\"00000000-0000-0000-0000-0000000a11ce\",\"title\":\"rep\",\
             \"model\":null,\"system_prompt\":null,\"is_archived\":false,\
             \"is_bookmarked\":false,\"metadata\":{},\"last_message_at\":null,\
             \"created_at\":\"2026-02-01T00:00:00+00:00\",\
             \"updated_at\":\"2026-11-22T19:53:31.89315+00:00\",\"assistant\":null}]",
        )
        .with("content-range", "*/*")
        .with("preference-applied", "return=representation"),
        case(
            "048-post-representation-select",
            ALICE,
            post("/chats?select=id,title").prefer(FULL).json(&new(2, "rep2")),
        )
        .answers(201, r#"[{"id":"00000000-0000-0000-0000-000000000002","title":"rep2"}]"#),
        case(
            "049-post-headers-only",
            ALICE,
            post("/chats").prefer("return=headers-only").json(&new(3, "ho")),
        )
        .answers(201, "")
        .with("location", "/chats?id=eq.00000000-0000-0000-0000-000000000003"),
        case(
            "050-post-bulk",
            ALICE,
            post("/chats?select=title,is_archived")
                .prefer(FULL)
                .json(&json!([new(4, "b1"), new(5, "b2")])),
        )
        .answers(
            201,
            "[{\"title\":\"b1\",\"is_archived\":false}, \n {\"title\":\"b2\",\"is_archived\":false}]",
        ),
        case(
            "051-post-bulk-uneven",
            ALICE,
            post("/chats").json(&json!([{"title": "b1"}, {"title": "b2", "is_archived": true}])),
        )
        .refuses(400, "PGRST102", "All object keys must match"),
        case(
            "052-post-bulk-missing-default",
            ALICE,
            post("/chats?columns=\"title\",\"is_archived\"&select=title,is_archived")
                .prefer("return=representation, missing=default")
                .json(&json!([{"title": "m1"}, {"title": "m2", "is_archived": true}])),
        )
        .answers(
            201,
            "[{\"title\":\"m1\",\"is_archived\":false}, \n {\"title\":\"m2\",\"is_archived\":true}]",
        )
        .with("preference-applied", "missing=default, return=representation"),
        case(
            "columns without defaults",
            ALICE,
            post("/chats?columns=title,model&select=title,model")
                .prefer(FULL)
                .json(&json!([{"title": "c1", "ignored": 1}, {"title": "c2", "model": "m"}])),
        )
        .answers(201, "[{\"title\":\"c1\",\"model\":null}, \n {\"title\":\"c2\",\"model\":\"m\"}]"),
        case("053-post-empty-array", ALICE, post("/chats").prefer(FULL).json(&json!([])))
            .answers(201, "[]"),
        case("069-post-json-scalar", ALICE, post("/chats").json(&json!(5))).answers(201, ""),
        case(
            "055-post-single-object",
            ALICE,
            post("/chats?select=id,title").prefer(FULL).accept(OBJECT).json(&new(6, "obj")),
        )
        .answers(201, r#"{"id":"00000000-0000-0000-0000-000000000006","title":"obj"}"#)
        .with("content-type", "application/vnd.pgrst.object+json; charset=utf-8"),
        case(
            "070-post-form",
            ALICE,
            post("/chats?select=title,is_archived")
                .prefer(FULL)
                .body("application/x-www-form-urlencoded", "title=form+1&is_archived=true"),
        )
        .answers(201, r#"[{"title":"form 1","is_archived":true}]"#),
        case(
            "072-post-csv",
            ALICE,
            post("/chats?select=title,model")
                .prefer(FULL)
                .body("text/csv", "title,model\n\"csv, \"\"1\"\"\",NULL\r\ncsv2,m\n"),
        )
        .answers(
            201,
            "[{\"title\":\"csv, \\\"1\\\"\",\"model\":null}, \n {\"title\":\"csv2\",\"model\":\"m\"}]",
        ),
        case(
            "094-prefer-tx-rollback",
            ALICE,
            post("/chats?select=title")
                .prefer("return=representation, tx=rollback")
                .json(&json!({"title": "tx"})),
        )
        .answers(201, r#"[{"title":"tx"}]"#)
        .with("preference-applied", "return=representation"),
        case(
            "a number where a text belongs",
            ALICE,
            post("/chats?select=title,metadata")
                .prefer(FULL)
                .body("application/json", r#"{"title": 1.50, "metadata": {"b":1,"a":[1,2],"b":2}}"#),
        )
        .answers(201, r#"[{"title":"1.50","metadata":{"a": [1, 2], "b": 2}}]"#),
        case("counted", ALICE, post("/chats").prefer("count=exact").json(&json!([{}, {}])))
            .answers(201, "")
            .with("content-range", "*/2"),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn inserts_refused() {
    let server = Server::with_chats().await;
    let message = json!({"chat_id": id(0xa001), "role": "user", "content": "x"});
    let with = |key: &str, value: serde_json::Value| {
        let mut message = message.clone();
        message[key] = value;
        post("/messages").json(&message)
    };
    let usage = json!({"operation": "chat", "provider": "p", "model": "m",
        "usage_source": "reported", "status": "complete"});
    let usage_with = |key: &str, value: serde_json::Value| {
        let mut usage = usage.clone();
        usage[key] = value;
        post("/usage_logs").json(&usage)
    };
    let rls = |table| format!("new row violates row-level security policy for table \"{table}\"");
    let cases = vec![
        case("054-post-empty-object-notnull", ALICE, post("/messages").json(&json!({}))).refuses(
            400,
            "23502",
            "null value in column \"chat_id\" of relation \"messages\" violates not-null constraint",
        ),
        case("063-post-notnull", ALICE, post("/chats").json(&json!({"title": null}))).refuses(
            400,
            "23502",
            "null value in column \"title\" of relation \"chats\" violates not-null constraint",
        ),
        case("056-post-rls-violation", ALICE, post("/chats").json(&json!({"user_id": id_of(BOB)})))
            .refuses(403, "42501", &rls("chats")),
        case("row security before nulls", ALICE, post("/chats")
            .json(&json!({"user_id": id_of(BOB), "title": null})))
            .refuses(403, "42501", &rls("chats")),
        case("usage of another's message", ALICE, usage_with("message_id", json!(id(0xb101))))
            .refuses(403, "42501", &rls("usage_logs")),
        case("created_at of usage is not the user's", ALICE, usage_with("created_at", json!("now")))
            .refuses(403, "42501", "permission denied for table usage_logs"),
        case("nor is its id", ALICE, usage_with("id", json!(id(0xaa))))
            .refuses(403, "42501", "permission denied for table usage_logs"),
        case("058-post-unique", ALICE, post("/chats").json(&json!({"id": id(0xa001)}))).refuses(
            409,
            "23505",
            "duplicate key value violates unique constraint \"chats_pkey\"",
        ),
        case("another's id", ALICE, post("/chats").json(&json!({"id": id(0xb001)}))).refuses(
            409,
            "23505",
            "duplicate key value violates unique constraint \"chats_pkey\"",
        ),
        case("222-post-dup-in-bulk", ALICE, post("/chats").json(&json!([{"id": id(7)}, {"id": id(7)}])))
            .refuses(409, "23505", "duplicate key value violates unique constraint \"chats_pkey\""),
        case("060-post-fk", ALICE, with("chat_id", json!(id(9)))).refuses_with(
            409,
            "23503",
            "insert or update on table \"messages\" violates foreign key constraint \
             \"messages_chat_fkey\"",
            "Key is not present in table \"chats\".",
            (),
        ),
        case("a message in another's chat", ALICE, with("chat_id", json!(id(0xb001)))).refuses_with(
            409,
            "23503",
            "insert or update on table \"messages\" violates foreign key constraint \
             \"messages_chat_fkey\"",
            "Key is not present in table \"chats\".",
            (),
        ),
        case("a parent in another chat", ALICE, with("parent_id", json!(id(0xb101)))).refuses_with(
            409,
            "23503",
            "insert or update on table \"messages\" violates foreign key constraint \
             \"messages_parent_fkey\"",
            "Key is not present in table \"messages\".",
            (),
        ),
        case("a user who is gone", GONE, post("/chats").json(&json!({}))).refuses_with(
            409,
            "23503",
            "insert or update on table \"chats\" violates foreign key constraint \"chats_user_fkey\"",
            "Key is not present in table \"users\".",
            (),
        ),
        case("062-post-check", ALICE, post("/chats").json(&json!({"title": "x".repeat(201)}))).refuses(
            400,
            "23514",
            "new row for relation \"chats\" violates check constraint \"chats_title_check\"",
        ),
        case("a check on JSON", ALICE, post("/chats").json(&json!({"metadata": []}))).refuses(
            400,
            "23514",
            "new row for relation \"chats\" violates check constraint \"chats_metadata_check\"",
        ),
        case("a check of two columns", ALICE, usage_with("cached_input_tokens", json!(1))).refuses(
            400,
            "23514",
            "new row for relation \"usage_logs\" violates check constraint \
             \"usage_logs_cached_check\"",
        ),
        case("064-post-bad-int", ALICE, usage_with("latency_ms", json!("abc"))).refuses(
            400,
            "22P02",
            "invalid input syntax for type bigint: \"abc\"",
        ),
        case("065-post-int-overflow", ALICE, post("/usage_logs")
            .body("application/json", r#"{"latency_ms": 99999999999999999999}"#)).refuses(
            400,
            "22003",
            "value \"99999999999999999999\" is out of range for type bigint",
        ),
        case("U+0000 in a text", ALICE, with("content", json!("a\u{0}b"))).refuses_with(
            400,
            "22P05",
            "unsupported Unicode escape sequence",
            "\\u0000 cannot be converted to text.",
            (),
        ),
        case("U+0000 in jsonb", ALICE, with("parts", json!([{"text": "\u{0}"}]))).refuses_with(
            400,
            "22P05",
            "unsupported Unicode escape sequence",
            "\\u0000 cannot be converted to text.",
            (),
        ),
        case("066-post-unknown-column", ALICE, post("/chats").json(&json!({"nope": 1}))).refuses(
            400,
            "PGRST204",
            "Could not find the 'nope' column of 'chats' in the schema cache",
        ),
        case("a computed column", ALICE, post("/chats").json(&json!({"last_activity_at": null})))
            .refuses(
                400,
                "PGRST204",
                "Could not find the 'last_activity_at' column of 'chats' in the schema cache",
            ),
        case("067-post-invalid-json", ALICE, post("/chats").body("application/json", r#"{"a":"#))
            .refuses(400, "PGRST102", "Empty or invalid json"),
        case("068-post-empty-body", ALICE, post("/chats").body("application/json", ""))
            .refuses(400, "PGRST102", "Empty or invalid json"),
        case("071-post-bad-ctype", ALICE, post("/chats").body("text/plain", "x"))
            .refuses(400, "PGRST102", "Content-Type not acceptable: text/plain"),
        case("two streaming messages", ALICE, post("/messages").json(&json!([
            {"chat_id": id(0xa001), "role": "assistant", "status": "streaming",
             "lease_expires_at": "now"},
            {"chat_id": id(0xa001), "role": "assistant", "status": "streaming",
             "lease_expires_at": "now"},
        ])))
        .refuses(
            409,
            "23505",
            "duplicate key value violates unique constraint \"messages_one_streaming_per_chat\"",
        ),
    ];
    check(&server, cases).await;
    let counts = server.rows(Role::Service, "/chats?select=count").await;
    assert_eq!(counts, json!([{"count": 4}]), "a refused request leaves nothing behind");
}

#[tokio::test]
async fn the_service_role_is_told_the_values() {
    let server = Server::with_chats().await;
    let cases = vec![
        case("204-unique-service-rls-table", Role::Service, post("/chats")
            .json(&json!({"id": A1, "user_id": id_of(ALICE)})))
        .refuses_with(
            409,
            "23505",
            "duplicate key value violates unique constraint \"chats_pkey\"",
            format!("Key (id)=({A1}) already exists."),
            (),
        ),
        case("205-fk-service", Role::Service, post("/chats").json(&json!({"user_id": id(5)})))
            .refuses_with(
                409,
                "23503",
                "insert or update on table \"chats\" violates foreign key constraint \
                 \"chats_user_fkey\"",
                format!("Key (user_id)=({}) is not present in table \"users\".", id(5)),
                (),
            ),
        case("203-check-service", Role::Service, post("/chats")
            .json(&json!({"id": id(5), "user_id": id_of(ALICE), "title": ""})))
        .refuses_with(
            400,
            "23514",
            "new row for relation \"chats\" violates check constraint \"chats_title_check\"",
            "Failing row contains (00000000-0000-0000-0000-000000000005, \
             00000000-0000-0000-0000-0000000a11ce, , null, null, f, f, {}, null, \
             2026-11-22 19:53:31.89315+00, 2026-11-22 19:53:31.89315+00, null).",
            (),
        ),
        case("206-notnull-service", Role::Service, post("/chats").json(&json!({"id": id(5)})))
            .refuses_with(
                400,
                "23502",
                "null value in column \"user_id\" of relation \"chats\" violates not-null constraint",
                "Failing row contains (00000000-0000-0000-0000-000000000005, null, New chat, null, \
                 null, f, f, {}, null, 2026-11-22 19:53:31.89315+00, \
                 2026-11-22 19:53:31.89315+00, null).",
                (),
            ),
        case("207-delete-no-filter-service-empty", Role::Service, delete(&format!("/chats?id=eq.{}", id(5))))
            .answers(204, "")
            .with("content-range", "*/*"),
    ];
    check(&server, cases).await;
}
