//! POST and PUT where rows are there already.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;

const FULL: &str = "return=representation";
const MERGE: &str = "resolution=merge-duplicates,return=representation";
const IGNORE: &str = "resolution=ignore-duplicates,return=representation";
const A1: &str = "00000000-0000-0000-0000-00000000a001";

#[tokio::test]
async fn upserts() {
    let server = Server::with_chats().await;
    let cases = vec![
        case("073-upsert-merge", ALICE, post("/chats?select=id,title,is_bookmarked")
            .prefer(MERGE)
            .json(&json!({"id": A1, "title": "upserted"})))
        .answers(
            200,
            r#"[{"id":"00000000-0000-0000-0000-00000000a001","title":"upserted","is_bookmarked":true}]"#,
        )
        .with("preference-applied", "resolution=merge-duplicates, return=representation"),
        case("a new row", ALICE, post("/chats?select=title").prefer(MERGE)
            .json(&json!({"id": id(1), "title": "new"})))
        .answers(201, r#"[{"title":"new"}]"#),
        case("a new and an old row, in this order", ALICE, post("/chats?select=title").prefer(MERGE)
            .json(&json!([{"id": id(2), "title": "n"}, {"id": A1, "title": "o"}])))
        .answers(201, "[{\"title\":\"n\"}, \n {\"title\":\"o\"}]"),
        case("074-upsert-ignore", ALICE, post("/chats?select=id,title").prefer(IGNORE)
            .json(&json!({"id": A1, "title": "ignored"})))
        .answers(201, "[]")
        .with("preference-applied", "resolution=ignore-duplicates, return=representation"),
        case("another's row ignored", BOB, post("/chats?select=id").prefer(IGNORE)
            .json(&json!({"id": A1})))
        .answers(201, "[]"),
        case("075-upsert-onconflict", ALICE, post("/chats?on_conflict=id,user_id&select=title")
            .prefer(MERGE)
            .json(&json!({"id": A1, "user_id": id_of(ALICE), "title": "by two"})))
        .answers(200, r#"[{"title":"by two"}]"#),
        case("076-upsert-onconflict-noconstraint", ALICE, post("/chats?on_conflict=title")
            .prefer(MERGE)
            .json(&json!({"title": "q"})))
        .refuses(
            400,
            "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
        case("a partial index does not count", ALICE, post("/messages?on_conflict=chat_id")
            .prefer(MERGE)
            .json(&json!({"chat_id": A1, "role": "user"})))
        .refuses(
            400,
            "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
        case("on a column that is not there", ALICE, post("/chats?on_conflict=nope").prefer(MERGE)
            .json(&json!({"title": "q"})))
        .refuses(400, "42703", "column \"nope\" does not exist"),
        case("209-upsert-conflict-rls-other", BOB, post("/chats").prefer(MERGE)
            .json(&json!({"id": A1, "title": "steal"})))
        .refuses(
            403,
            "42501",
            "new row violates row-level security policy (USING expression) for table \"chats\"",
        ),
        case("giving a row away", ALICE, post("/chats").prefer(MERGE)
            .json(&json!({"id": A1, "user_id": id_of(BOB)})))
        .refuses(403, "42501", "new row violates row-level security policy for table \"chats\""),
        case("a missing column counts even for a row that is there", ALICE, post("/messages")
            .prefer(MERGE)
            .json(&json!({"id": id(0xa101), "content": "x"})))
        .refuses(
            400,
            "23502",
            "null value in column \"chat_id\" of relation \"messages\" violates not-null constraint",
        ),
        case("usage is never changed", ALICE, post("/usage_logs").prefer(MERGE)
            .json(&json!({"id": id(3)})))
        .refuses(403, "42501", "permission denied for table usage_logs"),
        case("one row twice", ALICE, post("/chats").prefer(MERGE)
            .json(&json!([{"id": A1, "title": "1"}, {"id": A1, "title": "2"}])))
        .refuses_with(
            500,
            "21000",
            "ON CONFLICT DO UPDATE command cannot affect row a second time",
            (),
            "Ensure that no rows proposed for insertion within the same command have duplicate \
             constrained values.",
        ),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn put() {
    let server = Server::with_chats().await;
    let new = format!("/chats?id=eq.{}", id(1));
    let put = |uri: &str| request("PUT", uri);
    let cases = vec![
        case(
            "077-put-upsert",
            ALICE,
            put(&format!("{new}&select=title"))
                .prefer(FULL)
                .json(&json!({"id": id(1), "title": "put"})),
        )
        .answers(201, r#"[{"title":"put"}]"#)
        .with("preference-applied", "return=representation")
        .with("content-range", ""),
        case(
            "again",
            ALICE,
            put(&format!("{new}&select=title"))
                .prefer(FULL)
                .json(&json!({"id": id(1), "title": "again"})),
        )
        .answers(200, r#"[{"title":"again"}]"#),
        case(
            "without a representation",
            ALICE,
            put(&new).json(&json!({"id": id(1), "title": "t"})),
        )
        .answers(204, ""),
        case("078-put-mismatch", ALICE, put(&new).json(&json!({"id": id(2), "title": "t"})))
            .refuses(400, "PGRST115", "Payload values do not match URL in primary key column(s)"),
        case("223-put-no-filter", ALICE, put("/chats").json(&json!({"id": id(2)}))).refuses(
            405,
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
        ),
        case(
            "another filter",
            ALICE,
            put(&format!("{new}&title=eq.t")).json(&json!({"id": id(1)})),
        )
        .refuses(
            405,
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
        ),
        case("a limit", ALICE, put(&format!("{new}&limit=1")).json(&json!({"id": id(1)}))).refuses(
            400,
            "PGRST114",
            "limit/offset querystring parameters are not allowed for PUT",
        ),
    ];
    check(&server, cases).await;
}
