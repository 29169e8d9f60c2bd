//! GET and HEAD.

use super::cases::{case, check};
use super::support::*;
use crate::local_supabase::Role;

#[tokio::test]
async fn rows_pages_and_counts() {
    let server = Server::with_chats().await;
    let cases = vec![
        case(
            "002-get-filter",
            ALICE,
            get("/chats?select=id,title&title=gte.beta&order=title.desc"),
        )
        .answers(
            200,
            "[{\"id\":\"00000000-0000-0000-0000-00000000a003\",\"title\":\"gamma\"}, \n \
                 {\"id\":\"00000000-0000-0000-0000-00000000a002\",\"title\":\"beta two\"}]",
        )
        .with("content-range", "0-1/*")
        .with("content-type", "application/json; charset=utf-8")
        .with("content-location", "/chats?order=title.desc&select=id%2Ctitle&title=gte.beta"),
        case("003-get-all-columns-json-shapes", ALICE, get("/chats?title=eq.alpha")).answers(
            200,
            "[{\"id\":\"00000000-0000-0000-0000-00000000a001\",\
             \"user_id\":\"00000000-0000-0000-0000-0000000a11ce\",\"title\":\"alpha\",\
             \"model\":null,\"system_prompt\":null,\"is_archived\":false,\"is_bookmarked\":true,\
             \"metadata\":{\"n\": 1, \"deep\": {\"list\": [{\"x\": \"é\"}, 2]}, \
             \"kind\": \"trip\"},\
             \"last_message_at\":\"2026-01-02T00:00:02.5+00:00\",\
             \"created_at\":\"2026-01-01T00:00:01+00:00\",\
             \"updated_at\":\"2026-11-22T19:53:31.89315+00:00\",\"assistant\":null}]",
        ),
        case("004-get-rls-bob", BOB, get("/chats?select=title"))
            .answers(200, r#"[{"title":"bob one"}]"#),
        case("007-get-service-bypass", Role::Service, get("/chats?select=title&title=like.b*"))
            .answers(200, "[{\"title\":\"beta two\"}, \n {\"title\":\"bob one\"}]"),
        case("016-get-limit-offset", ALICE, get("/chats?select=title&order=id&limit=1&offset=1"))
            .answers(200, r#"[{"title":"beta two"}]"#)
            .with("content-range", "1-1/*"),
        case(
            "017-get-range-header",
            ALICE,
            get("/chats?select=title&order=id")
                .header("range-unit", "items")
                .header("range", "0-0"),
        )
        .answers(200, r#"[{"title":"alpha"}]"#)
        .with("content-range", "0-0/*"),
        case(
            "018-get-count-exact",
            ALICE,
            get("/chats?select=title&order=id&limit=2").prefer("count=exact"),
        )
        .answers(206, "[{\"title\":\"alpha\"}, \n {\"title\":\"beta two\"}]")
        .with("content-range", "0-1/3")
        .with("preference-applied", "count=exact"),
        case(
            "020-get-count-planned",
            ALICE,
            get("/chats?select=title&order=id&limit=1").prefer("count=planned"),
        )
        .answers(206, r#"[{"title":"alpha"}]"#)
        .with("content-range", "0-0/3")
        .with("preference-applied", "count=planned"),
        case(
            "021-get-count-empty",
            ALICE,
            get("/chats?select=id&title=eq.none").prefer("count=exact"),
        )
        .answers(200, "[]")
        .with("content-range", "*/0"),
        case("before the first", ALICE, get("/chats?select=title&order=id&offset=-1&limit=2"))
            .answers(200, r#"[{"title":"alpha"}]"#)
            .with("content-range", "0-0/*"),
        case("before the first, without a limit", ALICE, get("/chats?select=id&offset=-4"))
            .with("content-range", "0-2/*")
            .any_body(),
        case("all of it before the first", ALICE, get("/chats?select=id&offset=-2&limit=2"))
            .answers(200, "[]"),
        case("all of it long before the first", ALICE, get("/chats?offset=-9&limit=2"))
            .refuses_with(
                416,
                "PGRST103",
                "Requested range not satisfiable",
                "Limit should be greater than or equal to zero.",
                (),
            ),
        case("no rows from the second on", ALICE, get("/chats?offset=1&limit=0")).refuses_with(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            "Limit should be greater than or equal to zero.",
            (),
        ),
        case(
            "embedded, before the first",
            ALICE,
            get("/chats?select=messages(id)&messages.offset=-1"),
        )
        .refuses(400, "2201X", "OFFSET must not be negative"),
        case("023-get-offset-beyond-nocount", ALICE, get("/chats?select=id&offset=100"))
            .answers(200, "[]")
            .with("content-range", "*/*"),
        case("025-head-count", ALICE, request("HEAD", "/chats?select=id").prefer("count=exact"))
            .answers(200, "")
            .with("content-range", "0-2/3")
            .with("content-location", "/chats?select=id")
            .with("content-type", "application/json; charset=utf-8"),
        case("limit of nothing", ALICE, get("/chats?limit=0").prefer("count=exact"))
            .answers(206, "[]")
            .with("content-range", "*/3"),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn beyond_the_last_row() {
    let server = Server::with_chats().await;
    let request = get("/chats?select=id&offset=100").prefer("count=exact");
    let answer = server.send(ALICE, request).await;
    assert_eq!(answer.status, 416);
    assert_eq!(answer.header("content-range"), "*/3");
    assert_eq!(answer.header("preference-applied"), "count=exact");
    assert_eq!(answer.header("proxy-status"), "");
    let details = "An offset of 100 was requested, but there are only 3 rows.";
    assert_eq!(answer.json()["details"], details);
    assert_eq!(answer.json()["code"], "PGRST103");
}

#[tokio::test]
async fn filters() {
    let server = Server::with_chats().await;
    let expected = [
        ("title=eq.alpha", "alpha"),
        ("title=neq.alpha", "beta two,gamma"),
        ("title=gt.alpha&title=lt.gamma", "beta two"),
        ("title=lte.beta two", "alpha,beta two"),
        ("title=not.eq.alpha", "beta two,gamma"),
        ("title=like.beta%25", "beta two"),
        ("title=like.*a", "alpha,gamma"),
        ("title=like.a_pha", "alpha"),
        ("title=ilike.*ALPH*", "alpha"),
        ("title=not.ilike.*A", "beta two"),
        ("title=like(any).{al*,ga*}", "alpha,gamma"),
        ("title=like(all).{*a,g*}", "gamma"),
        ("title=eq(any).{alpha,\"beta two\"}", "alpha,beta two"),
        ("title=in.(alpha,gamma)", "alpha,gamma"),
        ("title=in.(\"beta two\",\"a, (b)\")", "beta two"),
        ("title=not.in.(alpha)", "beta two,gamma"),
        ("model=is.null", "alpha,gamma"),
        ("model=not.is.null", "beta two"),
        ("model=is.not_null", "beta two"),
        ("model=isdistinct.m1", "alpha,gamma"),
        ("is_archived=is.true", "gamma"),
        ("is_archived=eq.false", "alpha,beta two"),
        ("is_bookmarked=is.TRUE", "alpha"),
        ("is_bookmarked=not.is.true", "beta two,gamma"),
        ("is_bookmarked=is.unknown", ""),
        ("or=(title.eq.alpha,title.ilike.*GAM*)", "alpha,gamma"),
        ("or=(title.eq.alpha,and(is_archived.is.true,title.like.g*))", "alpha,gamma"),
        ("not.or=(title.eq.alpha,title.eq.gamma)", "beta two"),
        ("and=(title.eq.alpha,title.eq.gamma)", ""),
        ("or=(title.in.(alpha,\"beta two\"),not.and(model.is.null))", "alpha,beta two"),
        ("or=(title.eq.\"beta two\",model.not.is.null)", "beta two"),
        ("metadata->>kind=eq.trip", "alpha"),
        ("metadata->n=gt.0", "alpha,beta two"),
        ("metadata->n=gt.1", "beta two"),
        ("metadata->>n=eq.10", "beta two"),
        ("metadata->deep->list->0->>x=eq.é", "alpha"),
        ("metadata->deep->list->-1=eq.2", "alpha"),
        ("metadata->kind=is.null", "beta two,gamma"),
        ("metadata=eq.{}", "gamma"),
        ("metadata=cs.{\"kind\":\"trip\",\"deep\":{\"list\":[{\"x\":\"é\"}]}}", "alpha"),
        ("metadata=cd.{\"n\":10.0,\"more\":1}", "beta two,gamma"),
        ("or=(metadata.cs.{\"n\":10},title.eq.gamma)", "beta two,gamma"),
        ("created_at=gte.2026-01-01T00:00:02Z", "beta two,gamma"),
        ("created_at=eq.2026-01-01 01:00:01%2B01", "alpha"),
        ("created_at=lt.now", "alpha,beta two,gamma"),
        ("last_activity_at=gt.2026-01-02", "alpha"),
        ("id=eq.00000000-0000-0000-0000-00000000A001", "alpha"),
        ("title=eq.alpha&title=eq.gamma", ""),
    ];
    for (filter, titles) in expected {
        let rows = server.rows(ALICE, &format!("/chats?select=title&order=id&{filter}")).await;
        assert_eq!(column(&rows, "title"), titles, "{filter}");
    }
}

#[tokio::test]
async fn order() {
    let server = Server::with_chats().await;
    let expected = [
        ("title.desc", "gamma,beta two,alpha"),
        ("is_archived.desc,title", "gamma,alpha,beta two"),
        ("model", "beta two,alpha,gamma"),
        ("model.desc", "alpha,gamma,beta two"),
        ("model.nullsfirst", "alpha,gamma,beta two"),
        ("model.desc.nullslast", "beta two,alpha,gamma"),
        ("metadata->n.desc.nullslast", "beta two,alpha,gamma"),
        ("metadata->>n", "alpha,beta two,gamma"),
        ("last_activity_at.desc", "alpha,gamma,beta two"),
        ("last_message_at.asc.nullsfirst,id.desc", "gamma,beta two,alpha"),
    ];
    for (order, titles) in expected {
        let rows = server.rows(ALICE, &format!("/chats?select=title&order={order}")).await;
        assert_eq!(column(&rows, "title"), titles, "{order}");
    }
}

#[tokio::test]
async fn selected_columns() {
    let server = Server::with_chats().await;
    let expected = [
        ("name:title,kind:metadata->>kind", r#"{"name":"alpha","kind":"trip"}"#),
        ("metadata->deep->list->0", r#"{"list":{"x": "é"}}"#),
        ("metadata->deep->list->1,metadata->kind", r#"{"list":2,"kind":"trip"}"#),
        ("metadata->>deep", r#"{"deep":"{\"list\": [{\"x\": \"é\"}, 2]}"}"#),
        ("metadata->nothing,title->x", r#"{"nothing":null,"x":null}"#),
        ("is_archived::text,metadata->n::text", r#"{"is_archived":"false","n":"1"}"#),
        (
            "created_at::text,id::text",
            concat!(
                r#"{"created_at":"2026-01-01 00:00:01+00","#,
                r#""id":"00000000-0000-0000-0000-00000000a001"}"#
            ),
        ),
        ("last_activity_at", r#"{"last_activity_at":"2026-01-02T00:00:02.5+00:00"}"#),
        ("count", r#"{"count":1}"#),
        ("\"title\"", r#"{"title":"alpha"}"#),
        ("", "{}"),
    ];
    for (select, row) in expected {
        let request = get(&format!("/chats?select={select}&title=eq.alpha"));
        let answer = server.send(ALICE, request).await;
        assert_eq!(answer.body, format!("[{row}]"), "{select}");
    }
}

#[tokio::test]
async fn media_types() {
    let server = Server::with_chats().await;
    let object = "application/vnd.pgrst.object+json";
    let one = "/chats?select=title&title=eq.alpha";
    let cases = vec![
        case("026-get-single-ok", ALICE, get(one).accept(object))
            .answers(200, r#"{"title":"alpha"}"#)
            .with("content-type", "application/vnd.pgrst.object+json; charset=utf-8"),
        case("027-get-single-none", ALICE, get("/chats?title=eq.none").accept(object))
            .refuses_with(
                406,
                "PGRST116",
                "Cannot coerce the result to a single JSON object",
                "The result contains 0 rows",
                (),
            ),
        case("028-get-single-many", ALICE, get("/chats?select=id").accept(object)).refuses_with(
            406,
            "PGRST116",
            "Cannot coerce the result to a single JSON object",
            "The result contains 3 rows",
            (),
        ),
        case("029-get-csv", ALICE, get("/chats?select=id,title&order=id").accept("text/csv"))
            .answers(
                200,
                "id,title\n00000000-0000-0000-0000-00000000a001,alpha\n\
                 00000000-0000-0000-0000-00000000a002,\"beta two\"\n\
                 00000000-0000-0000-0000-00000000a003,gamma",
            )
            .with("content-type", "text/csv; charset=utf-8")
            .with("content-range", "0-2/*"),
        case(
            "csv of every type",
            ALICE,
            get("/chats?select=is_archived,created_at,m:metadata->deep,model&title=eq.alpha")
                .accept("text/csv"),
        )
        .answers(
            200,
            "is_archived,created_at,m,model\nf,\"2026-01-01 00:00:01+00\",\
             \"{\"\"list\"\": [{\"\"x\"\": \"\"é\"\"}, 2]}\",",
        ),
        case("csv of no columns", ALICE, get("/chats?select=&limit=2").accept("text/csv"))
            .answers(200, "\n\n"),
        case("csv of no rows", ALICE, get("/chats?title=eq.none").accept("text/csv"))
            .answers(200, "\n"),
        case("030-get-bad-accept", ALICE, get("/chats").accept("application/xml")).refuses(
            406,
            "PGRST107",
            "None of these media types are available: application/xml",
        ),
        case(
            "031-get-stripnulls",
            ALICE,
            get("/chats?select=title,model&order=id&limit=2")
                .accept("application/vnd.pgrst.array+json;nulls=stripped"),
        )
        .answers(200, r#"[{"title":"alpha"},{"title":"beta two","model":"m1"}]"#)
        .with("content-type", "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"),
        case(
            "032-get-explain-denied",
            ALICE,
            get("/chats").accept("application/vnd.pgrst.plan+json"),
        )
        .refuses(
            406,
            "PGRST107",
            "None of these media types are available: application/vnd.pgrst.plan+json; \
             for=\"application/json\"",
        ),
        case("accept in order of quality", ALICE, get(one).accept("text/csv;q=0.5, */*;q=0.9"))
            .answers(200, r#"[{"title":"alpha"}]"#),
        case("accept of what there is", ALICE, get(one).accept("text/html, text/csv"))
            .answers(200, "title\nalpha"),
        case("210-head-single", ALICE, request("HEAD", one).accept(object))
            .answers(200, "")
            .with("content-range", "0-0/*"),
        case(
            "045-accept-profile-bad",
            ALICE,
            get("/chats?select=id").header("accept-profile", "auth"),
        )
        .refuses_with(
            406,
            "PGRST106",
            "Invalid schema: auth",
            (),
            "Only the following schemas are exposed: public",
        ),
    ];
    check(&server, cases).await;
}

#[tokio::test]
async fn a_long_list_of_ids() {
    let server = Server::with_chats().await;
    let mut ids: Vec<_> = (1..=1500).map(id).collect();
    ids.push(id(0xa002));
    let rows = server.rows(ALICE, &format!("/chats?select=title&id=in.({})", ids.join(","))).await;
    assert_eq!(column(&rows, "title"), "beta two");
}

#[tokio::test]
async fn no_more_than_a_thousand_rows() {
    let server = Server::with_chats().await;
    server
        .execute(
            "insert into chats (id, user_id) \
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 1200) \
             select lower(hex(randomblob(16))), '00000000-0000-0000-0000-0000000a11ce' from n",
        )
        .await;
    let request = get("/chats?select=id&limit=5000").prefer("count=exact");
    let answer = server.send(ALICE, request).await;
    assert_eq!(answer.header("content-range"), "0-999/1203");
    assert_eq!(answer.status, 206);
}
