//! PATCH and DELETE.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;
use crate::local_supabase::Role;

const FULL: &str = "return=representation";
const OBJECT: &str = "application/vnd.pgrst.object+json";
const A1: &str = "00000000-0000-0000-0000-00000000a001";

#[tokio::test]
async fn updates() {
    let server = Server::with_chats().await;
    let a2 = format!("/chats?id=eq.{}", id(0xa002));
    let none = format!("/chats?id=eq.{}", id(0));
    let title = json!({"title": "patched"});
    let cases = vec![
        case(
            "079-patch-representation",
            ALICE,
            patch(&format!("{a2}&select=title,is_archived"))
                .prefer(FULL)
                .json(&json!({"title": "patched", "is_archived": true})),
        )
        .answers(200, r#"[{"title":"patched","is_archived":true}]"#)
        .with("content-range", "0-0/*")
        .with("preference-applied", "return=representation"),
        case("080-patch-minimal", ALICE, patch(&a2).json(&title))
            .answers(204, "")
            .with("content-range", "0-0/*")
            .with("content-length", ""),
        case("081-patch-none-matched", ALICE, patch(&none).prefer(FULL).json(&title))
            .answers(200, "[]")
            .with("content-range", "*/*"),
        case("082-patch-none-matched-minimal", ALICE, patch(&none).json(&title))
            .answers(204, "")
            .with("content-range", "*/*"),
        case("083-patch-others-row-rls", BOB, patch(&a2).prefer(FULL).json(&title))
            .answers(200, "[]"),
        case("084-patch-rls-withcheck", ALICE, patch(&a2).json(&json!({"user_id": id_of(BOB)})))
            .refuses(
                403,
                "42501",
                "new row violates row-level security policy for table \"chats\"",
            ),
        case("085-patch-empty-body", ALICE, patch(&a2).prefer(FULL).json(&json!({})))
            .answers(200, "[]")
            .with("content-range", "*/*"),
        case(
            "086-patch-count",
            ALICE,
            patch("/chats?title=gte.a").prefer("count=exact").json(&json!({"is_archived": false})),
        )
        .answers(204, "")
        .with("content-range", "0-2/3")
        .with("preference-applied", "count=exact"),
        case("087-patch-single-none", ALICE, patch(&none).prefer(FULL).accept(OBJECT).json(&title))
            .refuses_with(
                406,
                "PGRST116",
                "Cannot coerce the result to a single JSON object",
                "The result contains 0 rows",
                (),
            ),
        case(
            "088-patch-maxaffected",
            ALICE,
            patch("/chats?title=gte.a").prefer("handling=strict, max-affected=1").json(&title),
        )
        .refuses_with(
            400,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
            "The query affects 3 rows",
            (),
        ),
        case("without a filter", ALICE, patch("/chats").json(&title)).refuses(
            400,
            "21000",
            "UPDATE requires a WHERE clause",
        ),
        case("without a filter, by a server", Role::Service, patch("/chats").json(&title)).refuses(
            400,
            "21000",
            "UPDATE requires a WHERE clause",
        ),
        case(
            "with a filter of an embed",
            ALICE,
            patch("/chats?select=messages(id)&messages.role=eq.user").prefer(FULL).json(&title),
        )
        .refuses(400, "21000", "UPDATE requires a WHERE clause"),
        case("without a filter and a change", ALICE, patch("/chats").prefer(FULL).json(&json!({})))
            .answers(200, "[]"),
        case(
            "in order",
            ALICE,
            patch("/chats?title=gte.a&select=title&order=title.desc")
                .prefer(FULL)
                .json(&json!({"is_archived": true})),
        )
        .answers(
            200,
            "[{\"title\":\"patched\"}, \n {\"title\":\"gamma\"}, \n {\"title\":\"alpha\"}]",
        ),
        case(
            "ordered by what is not returned",
            ALICE,
            patch("/chats?title=gte.a&select=id&order=title.desc")
                .prefer(FULL)
                .json(&json!({"is_archived": true})),
        )
        .refuses(400, "42703", "column chats.title does not exist"),
        case("a null", ALICE, patch(&a2).json(&json!({"title": null}))).refuses(
            400,
            "23502",
            "null value in column \"title\" of relation \"chats\" violates not-null constraint",
        ),
        case("a check", ALICE, patch(&a2).json(&json!({"title": ""}))).refuses(
            400,
            "23514",
            "new row for relation \"chats\" violates check constraint \"chats_title_check\"",
        ),
        case("an id that is taken", ALICE, patch(&a2).json(&json!({"id": A1}))).refuses(
            409,
            "23505",
            "duplicate key value violates unique constraint \"chats_pkey\"",
        ),
        case(
            "an id that is referenced",
            ALICE,
            patch(&format!("/chats?id=eq.{A1}")).json(&json!({"id": id(9)})),
        )
        .refuses_with(
            409,
            "23503",
            "update or delete on table \"chats\" violates foreign key constraint \
             \"messages_chat_fkey\" on table \"messages\"",
            "Key is still referenced from table \"messages\".",
            (),
        ),
        case(
            "a chat that is not there",
            ALICE,
            patch(&format!("/messages?id=eq.{}", id(0xa101))).json(&json!({"chat_id": id(9)})),
        )
        .refuses_with(
            409,
            "23503",
            "insert or update on table \"messages\" violates foreign key constraint \
             \"messages_chat_fkey\"",
            "Key is not present in table \"chats\".",
            (),
        ),
        case(
            "a default",
            ALICE,
            patch(&format!("{a2}&columns=title&select=title"))
                .prefer("missing=default, return=representation")
                .json(&json!({})),
        )
        .answers(200, r#"[{"title":"New chat"}]"#),
        case(
            "embedding in what was written",
            ALICE,
            patch(&format!("/messages?id=eq.{}&select=content,chats(title)", id(0xa101)))
                .prefer(FULL)
                .json(&json!({"content": "1st"})),
        )
        .answers(200, r#"[{"content":"1st","chats":{"title":"alpha"}}]"#),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn updates_move_updated_at() {
    let server = Server::with_chats().await;
    server.clock.advance(std::time::Duration::from_secs(60));
    let uri = format!("/chats?id=eq.{A1}&select=updated_at,created_at");
    let request = patch(&uri).prefer(FULL).json(&json!({"title": "later"}));
    let answer = server.send(ALICE, request).await;
    assert_eq!(
        answer.json(),
        json!([{"updated_at": "2026-11-22T19:54:31.89315+00:00",
                "created_at": "2026-01-01T00:00:01+00:00"}])
    );
}

#[tokio::test]
async fn deletes() {
    let server = Server::with_chats().await;
    let a3 = format!("/chats?id=eq.{}&select=title", id(0xa003));
    let cases =
        vec![
            case("093-delete-others-rls", BOB, delete(&a3).prefer(FULL)).answers(200, "[]"),
            case("089-delete-representation", ALICE, delete(&a3).prefer(FULL))
                .answers(200, r#"[{"title":"gamma"}]"#)
                .with("content-range", "*/*")
                .with("preference-applied", "return=representation"),
            case("091-delete-none", ALICE, delete(&a3).prefer(FULL))
                .answers(200, "[]")
                .with("content-range", "*/*"),
            case("without a filter", ALICE, delete("/chats")).refuses(
                400,
                "21000",
                "DELETE requires a WHERE clause",
            ),
            case("without a filter, where nothing is granted", ALICE, delete("/usage_logs"))
                .refuses(400, "21000", "DELETE requires a WHERE clause"),
            case("090-delete-minimal", ALICE, delete("/chats?title=eq.beta two"))
                .answers(204, "")
                .with("content-range", "*/*"),
            case("208-delete-count", ALICE, delete("/chats?title=eq.zzz").prefer("count=exact"))
                .answers(204, "")
                .with("content-range", "*/0")
                .with("preference-applied", "count=exact"),
            case("one row wanted", ALICE, delete("/chats?title=eq.zzz").accept(OBJECT))
                .refuses_with(
                    406,
                    "PGRST116",
                    "Cannot coerce the result to a single JSON object",
                    "The result contains 0 rows",
                    (),
                ),
            case(
                "with its messages",
                ALICE,
                delete("/chats?title=gte.a&select=title,messages(content)").prefer(FULL),
            )
            .answers(
                200,
                "[{\"title\":\"alpha\",\"messages\":[{\"content\":\"first\"},\
             {\"content\":\"second\"},{\"content\":\"third\"}]}]",
            ),
            case("messages go with the chat", ALICE, get("/messages")).answers(200, "[]"),
            case("Bob's are still there", BOB, get("/messages?select=content"))
                .answers(200, r#"[{"content":"bob's"}]"#),
        ];
    check(&server, cases).await;
}
