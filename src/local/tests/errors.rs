//! Requests that PostgREST or PostgreSQL refuses before anything is read or written.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;
use crate::local_supabase::Role;

#[tokio::test]
async fn names_that_do_not_exist() {
    let server = Server::with_chats().await;
    let missing_table = "Could not find the table 'public.nosuch' in the schema cache";
    let near = "Perhaps you meant to reference the column \"chats.title\".";
    let no_column = "column chats.titel does not exist";
    let cases =
        vec![
        case("111-err-missing-table", ALICE, get("/nosuch"))
            .refuses(404, "PGRST205", missing_table),
        case("112-err-missing-table-near", ALICE, get("/chat")).refuses_with(
            404,
            "PGRST205",
            "Could not find the table 'public.chat' in the schema cache",
            (),
            "Perhaps you meant the table 'public.chats'",
        ),
        case("224-options-missing", ALICE, request("OPTIONS", "/nosuch"))
            .refuses(404, "PGRST205", missing_table),
        case("113-err-missing-column-select", ALICE, get("/chats?select=titel"))
            .refuses_with(400, "42703", no_column, (), near),
        case("114-err-missing-column-filter", ALICE, get("/chats?titel=eq.1"))
            .refuses_with(400, "42703", no_column, (), near),
        case("115-err-missing-column-order", ALICE, get("/chats?order=titel"))
            .refuses_with(400, "42703", no_column, (), near),
        case("no column is like it", ALICE, get("/chats?xyzxyz=eq.1"))
            .refuses(400, "42703", "column chats.xyzxyz does not exist"),
        case("in an embed", ALICE, get("/chats?select=messages(xyzxyz)"))
            .refuses(400, "42703", "column messages_1.xyzxyz does not exist"),
        case("043-embed-missing-rel", ALICE, get("/chats?select=id,nosuch(x)")).refuses_with(
            400,
            "PGRST200",
            "Could not find a relationship between 'chats' and 'nosuch' in the schema cache",
            "Searched for a foreign key relationship between 'chats' and 'nosuch' in the schema \
             'public', but no matches were found.",
            (),
        ),
        case("a relationship spelled nearly so", ALICE, get("/chats?select=message(id)"))
            .refuses_with(
                400,
                "PGRST200",
                "Could not find a relationship between 'chats' and 'message' in the schema cache",
                "Searched for a foreign key relationship between 'chats' and 'message' in the \
                 schema 'public', but no matches were found.",
                "Perhaps you meant 'messages' instead of 'message'.",
            ),
        case("a filter on what is not embedded", ALICE, get("/chats?messages.role=eq.user"))
            .refuses_with(
                400,
                "PGRST108",
                "'messages' is not an embedded resource in this request",
                (),
                "Verify that 'messages' is included in the 'select' query parameter.",
            ),
        case("131-err-nested-path", ALICE, get("/chats/1"))
            .refuses(404, "PGRST125", "Invalid path specified in request URL"),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn syntax() {
    let server = Server::start().await;
    let cases = vec![
        case("116-err-bad-operator", ALICE, get("/chats?id=xx.1")).refuses_with(
            400,
            "PGRST100",
            "\"failed to parse filter (xx.1)\" (line 1, column 1)",
            "unexpected \"x\" expecting \"not\" or operator (eq, gt, ...)",
            (),
        ),
        case("117-err-bad-select-syntax", ALICE, get("/chats?select=id,(")).refuses_with(
            400,
            "PGRST100",
            "\"failed to parse select parameter (id,()\" (line 1, column 4)",
            "unexpected \"(\" expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \
             \"count()\"",
            (),
        ),
        case("118-err-bad-or-syntax", ALICE, get("/chats?or=(a")).refuses_with(
            400,
            "PGRST100",
            "\"failed to parse logic tree ((a)\" (line 1, column 5)",
            "unexpected end of input expecting letter, digit, \"-\", \"->>\", \"->\" or delimiter \
             (.)",
            (),
        ),
        case("024-get-negative-limit", ALICE, get("/chats?select=id&limit=-1")).refuses_with(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            "Limit should be greater than or equal to zero.",
            (),
        ),
        case("a range that ends before it begins", ALICE, get("/chats").header("range", "5-2"))
            .refuses_with(
                416,
                "PGRST103",
                "Requested range not satisfiable",
                "The lower boundary must be lower than or equal to the upper boundary in the \
                 Range header.",
                (),
            ),
        case("033-get-aggregate-disabled", ALICE, get("/chats?select=count()")).refuses(
            400,
            "PGRST123",
            "Use of aggregate functions is not allowed",
        ),
        case("095-prefer-strict-invalid", ALICE, get("/chats").prefer("handling=strict, foo=bar"))
            .refuses_with(
                400,
                "PGRST122",
                "Invalid preferences given with handling=strict",
                "Invalid preferences: foo=bar",
                (),
            ),
        case("213-get-fts", ALICE, get("/chats?title=fts.alice")).refuses_with(
            400,
            "PGRST127",
            "Feature not implemented",
            "The operator fts is not implemented.",
            (),
        ),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn values_of_the_wrong_type() {
    let server = Server::start().await;
    let timestamp = "invalid input syntax for type timestamp with time zone: \"soon\"";
    let cases = vec![
        case("109-err-invalid-uuid", ALICE, get("/chats?id=eq.not-a-uuid")).refuses(
            400,
            "22P02",
            "invalid input syntax for type uuid: \"not-a-uuid\"",
        ),
        case("110-err-invalid-int", ALICE, get("/usage_logs?latency_ms=eq.abc")).refuses(
            400,
            "22P02",
            "invalid input syntax for type bigint: \"abc\"",
        ),
        case("one of a list", ALICE, get("/chats?id=in.(x)")).refuses(
            400,
            "22P02",
            "invalid input syntax for type uuid: \"x\"",
        ),
        case("too large", ALICE, get("/usage_logs?latency_ms=eq.9223372036854775808")).refuses(
            400,
            "22003",
            "value \"9223372036854775808\" is out of range for type bigint",
        ),
        case("no number", ALICE, get("/messages?cost_usd=gt.much")).refuses(
            400,
            "22P02",
            "invalid input syntax for type numeric: \"much\"",
        ),
        case("no boolean", ALICE, get("/chats?is_archived=eq.maybe")).refuses(
            400,
            "22P02",
            "invalid input syntax for type boolean: \"maybe\"",
        ),
        case("no time", ALICE, get("/chats?created_at=gt.soon")).refuses(400, "22007", timestamp),
        case("no such day", ALICE, get("/chats?created_at=gt.2026-02-30")).refuses(
            400,
            "22008",
            "date/time field value out of range: \"2026-02-30\"",
        ),
        case("no JSON", ALICE, get("/chats?metadata=eq.{")).refuses(
            400,
            "22P02",
            "invalid input syntax for type json",
        ),
        case("U+0000", ALICE, get("/chats?title=eq.a%00b")).refuses(
            400,
            "22021",
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ),
        case("truth of a text", ALICE, get("/chats?title=is.true")).refuses(
            400,
            "42804",
            "argument of IS TRUE must be type boolean, not type text",
        ),
        case("like on a uuid", ALICE, get("/chats?id=like.a*")).refuses_with(
            404,
            "42883",
            "operator does not exist: uuid ~~ unknown",
            (),
            "No operator matches the given name and argument types. You might need to add \
             explicit type casts.",
        ),
        case("contains on a text", ALICE, get("/chats?title=cs.a")).refuses_with(
            404,
            "42883",
            "operator does not exist: text @> unknown",
            (),
            "No operator matches the given name and argument types. You might need to add \
             explicit type casts.",
        ),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn privileges_and_methods() {
    let server = Server::start().await;
    let denied = |table| format!("permission denied for table {table}");
    let cases =
        vec![
            case("119-err-permission-denied-anon", Role::Anon, get("/chats"))
                .refuses(401, "42501", &denied("chats"))
                .with("www-authenticate", "Bearer"),
            case("anon reads through an embed", Role::Anon, get("/messages?select=chats(id)"))
                .refuses(401, "42501", &denied("messages")),
            case("057-post-rls-violation-anon", Role::Anon, post("/chats").json(&"{}".into()))
                .refuses(401, "42501", &denied("chats")),
            case("anon deletes", Role::Anon, delete("/chats?title=eq.a")).refuses(
                401,
                "42501",
                &denied("chats"),
            ),
            case("120-err-permission-denied-auth", ALICE, delete("/usage_logs?model=eq.m"))
                .refuses(403, "42501", &denied("usage_logs"))
                .with("www-authenticate", ""),
            case("130-err-method-trace", ALICE, request("FOO", "/chats")).refuses(
                405,
                "PGRST117",
                "Unsupported HTTP method: FOO",
            ),
            case("129-err-method", ALICE, request("PUT", "/rpc/search_chats")).refuses(
                405,
                "PGRST101",
                "Cannot use the PUT method on RPC",
            ),
            case("132-options", ALICE, request("OPTIONS", "/chats"))
                .answers(200, "")
                .with("allow", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ];
    check(&server, cases).await;
}

#[tokio::test]
async fn more_than_there_is_room_for() {
    let server = Server::with_chats().await;
    let nested = format!("{}id{}", "messages(".repeat(11), ")".repeat(11));
    let deep = format!("{}id.is.null{}", "and(".repeat(30_000 / 4), ")".repeat(30_000 / 4));
    let wide = vec!["a.eq.a"; 5001].join(",");
    let columns = vec!["*"; 100].join(",");
    let refused = [
        (format!("/chats?select={nested}"), 400, "PGRST100"),
        (format!("/chats?or=({deep})"), 400, "PGRST100"),
        (format!("/chats?or=({wide})"), 400, "54001"),
        (format!("/chats?select={columns}"), 400, "54011"),
        (format!("/chats?select={}", vec!["id"; 501].join(",")), 400, "54011"),
    ];
    for (uri, status, code) in refused {
        let answer = server.send(ALICE, get(&uri)).await;
        let start: String = uri.chars().take(30).collect();
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{start}");
    }
    let nested = format!("{}id{}", "messages(".repeat(10), ")".repeat(10));
    server.rows(ALICE, &format!("/chats?select={nested}")).await;
}

#[tokio::test]
async fn as_much_as_an_address_holds() {
    let server = Server::with_chats().await;
    let letters = |count: usize| (0..count).map(|n| format!("{n}*")).collect::<Vec<_>>().join(",");
    let distinct = |count: usize| (0..count).map(|n| format!("metadata->a{n}"));
    let matching = [
        format!("or=({})", vec!["title.eq.alpha"; 3000].join(",")),
        format!("and=({})", vec!["title.eq.alpha"; 3000].join(",")),
        vec!["title=eq.alpha"; 3000].join("&"),
        format!("title=like(any).{{{},a*}}", letters(5000)),
        format!("title=not.like(any).{{{}}}&title=eq.alpha", letters(5000)),
        format!("title=gte(all).{{{},a}}&title=lt(any).{{{},b}}", letters(2000), letters(2000)),
        format!("title=eq(any).{{{},alpha}}&title=neq(all).{{{}}}", letters(4000), letters(4000)),
        format!("title=eq.alpha&metadata=gt(all).{{{}}}", vec!["1"; 9000].join(",")),
        format!("title=in.({},alpha)", vec!["x"; 20_000].join(",")),
        format!("title=eq.alpha&order={}", vec!["title,metadata->n.desc"; 2000].join(",")),
        format!("title=eq.alpha&order={}", distinct(500).collect::<Vec<_>>().join(",")),
    ];
    for query in matching {
        let rows = server.rows(ALICE, &format!("/chats?select=title&{query}")).await;
        assert_eq!(column(&rows, "title"), "alpha", "{}", &query[..30]);
    }
    let conditions = vec!["role.eq.user"; 500].join(",");
    let refused = [
        (format!("order={}", distinct(3000).collect::<Vec<_>>().join(",")), "54011"),
        (format!("select={}", distinct(3000).collect::<Vec<_>>().join(",")), "54011"),
        (
            format!("select=...messages({})&messages.or=({conditions})", vec!["id"; 400].join(",")),
            "54001",
        ),
    ];
    for (query, code) in refused {
        let answer = server.send(ALICE, get(&format!("/chats?{query}"))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, code),
            "{}",
            &query[..30]
        );
    }
}

/// A chat's messages hold their chat, which holds its messages.
#[tokio::test]
async fn more_than_fits_into_memory() {
    let server = Server::with_chats().await;
    let long = json!({"parts": ["x".repeat(1 << 20)]});
    let changed = patch(&format!("/messages?id=eq.{}", id(0xa101))).json(&long);
    assert_eq!(server.send(ALICE, changed).await.status, 204);
    let aliases = (0..100).map(|n| format!("c{n}:parts")).collect::<Vec<_>>().join(",");
    let nested = format!("{}messages(parts){}", "messages(chats(".repeat(4), "))".repeat(4));
    for select in [format!("messages({aliases})"), nested] {
        let answer = server.send(ALICE, get(&format!("/chats?select={select}"))).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "54000"));
    }
}
