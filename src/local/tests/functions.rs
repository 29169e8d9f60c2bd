//! How functions are called, and the two that return chats.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;
use crate::local_supabase::Role;

#[tokio::test]
async fn calls() {
    let server = Server::with_chats().await;
    let rpc = |function: &str, arguments: serde_json::Value| {
        post(&format!("/rpc/{function}")).json(&arguments)
    };
    let or_unnamed = "or with a single unnamed json/jsonb parameter, but no matches were found in \
                      the schema cache.";
    let searched = |what: &str| format!("Searched for the function public.{what} {or_unnamed}");
    let cases =
        vec![
        case("098-rpc-setof", ALICE, post("/rpc/search_chats?select=title&order=title.desc&limit=1")
            .json(&json!({"q": "a"})))
        .answers(200, r#"[{"title":"gamma"}]"#)
        .with("content-range", "0-0/*")
        .with("content-location", ""),
        case("218-rpc-setof-count", ALICE,
            post("/rpc/search_chats?select=title&limit=1&title=like.a*")
            .prefer("count=exact")
            .json(&json!({"q": "a"})))
        .answers(200, r#"[{"title":"alpha"}]"#)
        .with("content-range", "0-0/1")
        .with("preference-applied", "count=exact"),
        case("097-rpc-get", ALICE, get("/rpc/search_chats?q=SECOND&select=title,messages(count)"))
            .answers(200, r#"[{"title":"alpha","messages":[{"count":3}]}]"#),
        case("217-rpc-head", ALICE, request("HEAD", "/rpc/search_chats?q=a"))
            .answers(200, "")
            .with("content-range", "0-2/*"),
        case("a jsonb function", ALICE, rpc("request_stop", json!({"p_chat_id": id(9)})))
            .answers(200, "null")
            .with("content-range", "0-0/*")
            .with("content-type", "application/json; charset=utf-8"),
        case("219-rpc-scalar-object", ALICE, rpc("request_stop", json!({"p_chat_id": id(9)}))
            .accept("application/vnd.pgrst.object+json"))
        .answers(200, "null")
        .with("content-type", "application/vnd.pgrst.object+json; charset=utf-8"),
        case("a form", ALICE, post("/rpc/search_chats?select=title")
            .body("application/x-www-form-urlencoded", "q=gam"))
        .answers(200, r#"[{"title":"gamma"}]"#),
        case("an array of arguments", ALICE, rpc("search_chats", json!([{"q": "gam"}, {"q": "a"}])))
            .with("content-range", "0-0/*")
            .any_body(),
        case("an empty array of arguments", ALICE, rpc("chat_statistics", json!([])))
            .with("content-range", "0-0/*")
            .any_body(),
        case("an empty array where there must be one", ALICE, rpc("search_chats", json!([])))
            .refuses_with(
                404,
                "PGRST202",
                "Could not find the function public.search_chats without parameters in the schema cache",
                searched("search_chats without parameters"),
                "Perhaps you meant to call the function public.search_chats(q)",
            ),
        case("arguments that differ", ALICE, rpc("search_chats", json!([{"q": "a"}, {}])))
            .refuses(400, "PGRST102", "All object keys must match"),
        case("102-rpc-missing", ALICE, rpc("nosuch", json!({}))).refuses_with(
            404,
            "PGRST202",
            "Could not find the function public.nosuch without parameters in the schema cache",
            searched("nosuch without parameters"),
            (),
        ),
        case("221-rpc-get-missing", ALICE, get("/rpc/nosuch?x=1")).refuses_with(
            404,
            "PGRST202",
            "Could not find the function public.nosuch(x) in the schema cache",
            "Searched for the function public.nosuch with parameter x, but no matches were found \
             in the schema cache.",
            (),
        ),
        case("103-rpc-missing-args", ALICE, rpc("toggle_chat", json!({"p_chat_id": id(1)})))
            .refuses_with(
                404,
                "PGRST202",
                "Could not find the function public.toggle_chat(p_chat_id) in the schema cache",
                searched("toggle_chat with parameter p_chat_id"),
                "Perhaps you meant to call the function public.toggle_chat(p_chat_id, p_column)",
            ),
        case("220-rpc-extra-arg", ALICE, rpc("search_chats", json!({"q": "a", "r": 1})))
            .refuses_with(
                404,
                "PGRST202",
                "Could not find the function public.search_chats(q, r) in the schema cache",
                searched("search_chats with parameters q, r"),
                "Perhaps you meant to call the function public.search_chats(q)",
            ),
        case("spelled nearly so", ALICE, rpc("search_chat", json!({"q": "a"}))).refuses_with(
            404,
            "PGRST202",
            "Could not find the function public.search_chat(q) in the schema cache",
            searched("search_chat with parameter q"),
            "Perhaps you meant to call the function public.search_chats",
        ),
        case("106-rpc-bad-arg-type", ALICE, rpc("request_stop", json!({"p_chat_id": "x"})))
            .refuses(400, "22P02", "invalid input syntax for type uuid: \"x\""),
        case("anon", Role::Anon, rpc("search_chats", json!({"q": "a"})))
            .refuses(401, "42501", "permission denied for function search_chats")
            .with("www-authenticate", "Bearer"),
        case("a function that writes, by GET", ALICE,
            get(&format!("/rpc/toggle_chat?p_chat_id={}&p_column=is_archived", id(0xa001))))
        .refuses(405, "25006", "cannot execute UPDATE in a read-only transaction"),
        case("max-affected", ALICE, rpc("request_stop", json!({"p_chat_id": id(9)}))
            .prefer("handling=strict,max-affected=1"))
        .refuses(
            400,
            "PGRST128",
            "Function must return SETOF or TABLE when max-affected preference is used with \
             handling=strict",
        ),
        case("options", ALICE, request("OPTIONS", "/rpc/search_chats"))
            .answers(200, "")
            .with("allow", "OPTIONS,GET,HEAD,POST"),
        case("options of one that writes", ALICE, request("OPTIONS", "/rpc/toggle_chat"))
            .answers(200, "")
            .with("allow", "OPTIONS,POST"),
    ];
    check(&server, cases).await;
}

/// A function's rows are read through a subquery that holds what `select` and the filters name.
#[tokio::test]
async fn columns_of_a_functions_rows() {
    let server = Server::with_chats().await;
    let search = |query: &str| get(&format!("/rpc/search_chats?q=&{query}"));
    let all = "id,user_id,title,model,system_prompt,is_archived,is_bookmarked,metadata,\
               last_message_at,created_at,updated_at";
    for (query, found) in [
        (
            "select=title,at:last_activity_at&order=last_activity_at.desc",
            ["alpha", "gamma", "beta two"],
        ),
        ("select=*&order=last_activity_at.desc", ["alpha", "gamma", "beta two"]),
        ("order=last_activity_at.asc", ["beta two", "gamma", "alpha"]),
        (
            "select=title&last_activity_at=not.is.null&order=last_activity_at.desc",
            ["alpha", "gamma", "beta two"],
        ),
        (
            "select=title&is_archived=not.is.null&order=is_archived.desc,title",
            ["gamma", "alpha", "beta two"],
        ),
    ] {
        let rows = server.rows(ALICE, &format!("/rpc/search_chats?q=&{query}")).await;
        assert_eq!(column(&rows, "title"), found.join(","), "{query}");
    }
    let cast = "cannot cast type record to chats";
    check(
        &server,
        vec![
            case(
                "a computed column that is not selected",
                ALICE,
                search("select=title,user_id&order=last_activity_at.desc"),
            )
            .refuses_with(
                400,
                "42846",
                cast,
                "Cannot cast type text to uuid in column 1.",
                (),
            ),
            case("too few columns", ALICE, search("select=id&order=last_activity_at"))
                .refuses_with(400, "42846", cast, "Input has too few columns.", ()),
            case(
                "all of them, which are sorted by name",
                ALICE,
                search(&format!("select={all}&order=last_activity_at.desc,id.desc")),
            )
            .refuses_with(
                400,
                "42846",
                cast,
                "Cannot cast type timestamp with time zone to uuid in column 1.",
                (),
            ),
            case("a column that is not selected", ALICE, search("select=id&order=title")).refuses(
                400,
                "42703",
                "column chats.title does not exist",
            ),
            case(
                "a filter of an embed",
                ALICE,
                search("select=id,messages(id)&messages.role=eq.user"),
            )
            .refuses(400, "42703", "column pgrst_call.role does not exist"),
            case("no such column", ALICE, search("select=id,nope")).refuses(
                400,
                "42703",
                "column pgrst_call.nope does not exist",
            ),
            case(
                "of what a function changed",
                ALICE,
                post("/rpc/toggle_chat?select=id&order=last_activity_at")
                    .json(&json!({"p_chat_id": id(0xa001), "p_column": "title"})),
            )
            .refuses_with(400, "42846", cast, "Input has too few columns.", ()),
        ],
    )
    .await;
}

#[tokio::test]
async fn search_is_literal_and_ignores_case() {
    let server = Server::with_chats().await;
    let message =
        json!({"chat_id": id(0xa002), "role": "user", "content": "50% _of_ ÄRGER Straße"});
    server.insert(ALICE, "messages", message).await;
    let hidden = json!({"chat_id": id(0xa003), "role": "user", "content": "hidden",
        "is_active": false});
    server.insert(ALICE, "messages", hidden).await;
    let cases = [
        ("ALPHA", "alpha"),
        ("second", "alpha"),
        ("50%", "beta two"),
        ("5_%", ""),
        ("ärger", "beta two"),
        ("STRAßE", "beta two"),
        ("hidden", ""),
        ("bob", ""),
        ("", "alpha,beta two,gamma"),
        ("' or 1=1 --", ""),
    ];
    for (q, titles) in cases {
        let rows = server.call(ALICE, "search_chats", json!({"q": q})).await;
        assert_eq!(column(&rows, "title"), titles, "{q}");
    }
    assert_eq!(server.call(ALICE, "search_chats", json!({"q": null})).await, json!([]));
    let all = server.call(Role::Service, "search_chats", json!({"q": "b"})).await;
    assert_eq!(column(&all, "title"), "beta two,bob one");
}

#[tokio::test]
async fn toggle_flips_one_column() {
    let server = Server::with_chats().await;
    let toggle = |column: &str| json!({"p_chat_id": id(0xa001), "p_column": column});
    let state = |rows: &serde_json::Value| {
        (rows[0]["is_archived"].clone(), rows[0]["is_bookmarked"].clone())
    };
    let rows = server.call(ALICE, "toggle_chat", toggle("is_archived")).await;
    assert_eq!(state(&rows), (json!(true), json!(true)));
    let rows = server.call(ALICE, "toggle_chat", toggle("is_bookmarked")).await;
    assert_eq!(state(&rows), (json!(true), json!(false)));
    let rows = server.call(ALICE, "toggle_chat", toggle("title")).await;
    assert_eq!(state(&rows), (json!(true), json!(false)));
    assert_eq!(server.call(BOB, "toggle_chat", toggle("is_archived")).await, json!([]));
    let rows = server.call(Role::Service, "toggle_chat", toggle("is_archived")).await;
    assert_eq!(state(&rows), (json!(false), json!(false)));
}

#[tokio::test]
async fn the_root_describes_what_there_is() {
    let server = Server::start().await;
    let answer = server.send(ALICE, get("/")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/openapi+json; charset=utf-8");
    let description = answer.json();
    assert_eq!(description["swagger"], "2.0");
    assert!(description["paths"]["/chats"]["get"].is_object());
    assert!(description["paths"]["/rpc/begin_generation"]["post"].is_object());
    let columns = &description["definitions"]["messages"]["properties"];
    let id = json!({"type": "string", "format": "uuid", "default": "gen_random_uuid()",
        "description": "Note:\nThis is a Primary Key.<pk/>"});
    assert_eq!(columns["id"], id);
    let is_active = json!({"type": "boolean", "format": "boolean", "default": true});
    assert_eq!(columns["is_active"], is_active);
    assert_eq!(columns["metadata"], json!({"format": "jsonb"}));
    let of_nobody = server.send(Role::Anon, get("/")).await.json();
    assert_eq!((&of_nobody["paths"], &of_nobody["definitions"]), (&json!({}), &json!({})));
}
