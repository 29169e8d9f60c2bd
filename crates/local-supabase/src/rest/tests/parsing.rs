//! Query strings and headers as data.

use axum::http::HeaderMap;

use crate::rest::headers::{MediaType, Preferences, Range, Resolution, Return};
use crate::rest::query::{
    Comparison, Condition, Embed, Field, Filter, FilterOperation, Is, Node, OrderTerm, Query,
    SelectField, SelectItem, Step, parse,
};

fn field(name: &str) -> Field {
    Field { name: name.to_owned(), path: Vec::new(), as_text: false }
}

fn selected(name: &str) -> SelectItem {
    SelectItem::Field(SelectField { alias: None, field: field(name), cast: None })
}

fn eq(name: &str, value: &str) -> Condition {
    let value = value.to_owned();
    let operation =
        FilterOperation::Compare { comparison: Comparison::Eq, quantifier: None, value };
    Condition::Filter(Filter { field: field(name), negated: false, operation })
}

fn root(query: &str) -> Node {
    parse(query, false).unwrap().root
}

#[test]
fn nothing_asks_for_everything() {
    let all = Node { select: vec![SelectItem::Star], ..Node::default() };
    assert_eq!(parse("", false).unwrap(), Query { root: all, ..Query::default() });
}

#[test]
fn embeds_get_their_parameters() {
    let query = "select=title,said:messages!inner!fk(content)&said.role=eq.user\
                 &messages.order=created_at.desc.nullslast&said.limit=2&said.offset=1";
    let node = Node {
        select: vec![selected("content")],
        conditions: vec![eq("role", "user")],
        order: vec![OrderTerm {
            relation: None,
            field: field("created_at"),
            descending: true,
            nulls_first: Some(false),
        }],
        limit: Some(2),
        offset: 1,
    };
    let embed = Embed {
        alias: Some("said".to_owned()),
        relation: "messages".to_owned(),
        hint: Some("fk".to_owned()),
        inner: true,
        spread: false,
        node,
    };
    assert_eq!(root(query).select, [selected("title"), SelectItem::Embed(embed)]);
}

#[test]
fn logic_nests() {
    let conditions = root("not.or=(a.eq.1,and(b.not.is.null,c.in.(1,\"x,y\")))").conditions;
    let filter = |name, negated, operation| {
        Condition::Filter(Filter { field: field(name), negated, operation })
    };
    let list = FilterOperation::In(vec!["1".to_owned(), "x,y".to_owned()]);
    let inner = Condition::Logic {
        negated: false,
        any: false,
        conditions: vec![
            filter("b", true, FilterOperation::Is(Is::Null)),
            filter("c", false, list),
        ],
    };
    let outer =
        Condition::Logic { negated: true, any: true, conditions: vec![eq("a", "1"), inner] };
    assert_eq!(conditions, [outer]);
}

#[test]
fn json_paths() {
    let SelectItem::Field(selected) = &root("select=x:a->b->-1->>\"c->d\"::text").select[0] else {
        panic!("not a field");
    };
    let path = vec![Step::Key("b".to_owned()), Step::Index(-1), Step::Key("c->d".to_owned())];
    assert_eq!(selected.field, Field { name: "a".to_owned(), path, as_text: true });
    assert_eq!(selected.cast.as_deref(), Some("text"));
    let names = [
        ("a->b->0", "b"),
        ("a->0", "a"),
        ("a->>b-c", "b-c"),
        ("a-b", "a-b"),
        ("x:a->b", "x"),
        ("a b", "a b"),
    ];
    for (select, name) in names {
        let SelectItem::Field(field) = &root(&format!("select={select}")).select[0] else {
            panic!("{select} is not a field");
        };
        assert_eq!(field.name(), name, "{select}");
    }
}

#[test]
fn arguments_are_what_has_no_operator() {
    let query = parse("q=a.b&title=eq.x&n=5&order=title&messages.x=y", true);
    assert_eq!(query.unwrap_err().into_code(), "PGRST100");
    let query = parse("q=a.b&title=eq.x&n=5&limit=1", true).unwrap();
    let argument = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(query.arguments, [argument("q", "a.b"), argument("n", "5")]);
    assert_eq!(query.root.conditions, [eq("title", "x")]);
}

#[test]
fn spaces_may_be_plus_signs_and_the_rest_percent_encoded() {
    assert_eq!(root("title=eq.a+b%2Bc%C3%A9%26").conditions, [eq("title", "a b+cé&")]);
    let canonical = parse("b=eq.1&a=eq.%C3%A9+x&select=id", false).unwrap().canonical;
    assert_eq!(canonical, "a=eq.%C3%A9%20x&b=eq.1&select=id");
}

/// Whatever is sent, the parser answers: mutations of queries that use every rule.
#[test]
fn no_text_makes_the_parser_panic() {
    let queries = [
        "select=*,a:b->c->>0::text,\"q\\\"\",...r!inner!h(x,y(*)),n(count())&r.order=z(a).asc",
        "or=(a.not.eq.\"x\\\"y\",and(b.in.(1,\"2,3\"),not.or(c.is.null)),d.cs.{\"e\":1})",
        "a->b->-1->>c=not.like(any).{x,\"y\"}&limit=1&offset=2&columns=\"a\",b&on_conflict=c",
    ];
    let alphabet = ["", "(", ")", "\"", "\\", ".", ",", "-", ">", ":", "!", "é", "%", "%C3", "{"];
    for query in queries {
        for (position, _) in query.char_indices() {
            for insert in alphabet {
                let (before, after) = query.split_at(position);
                let mutations = [
                    format!("{before}{insert}"),
                    format!("{before}{insert}{after}"),
                    format!("{before}{insert}{}", after.chars().skip(1).collect::<String>()),
                ];
                for mutation in mutations {
                    let _ = parse(&mutation, true);
                }
            }
        }
    }
}

#[test]
fn the_first_of_two_preferences_counts() {
    let mut headers = HeaderMap::new();
    let value = "return=minimal, resolution=merge-duplicates ,count=exact, max-affected=5";
    headers.append("prefer", value.parse().unwrap());
    headers.append("prefer", "return=representation,handling=strict,tx=commit".parse().unwrap());
    let preferences = Preferences::from_headers(&headers);
    assert_eq!(preferences.returns, Some(Return::Minimal));
    assert_eq!(preferences.resolution, Some(Resolution::MergeDuplicates));
    assert!(preferences.check().is_ok());
    let names = ["max-affected", "return", "resolution", "handling"];
    assert_eq!(
        preferences.applied(&names).as_deref(),
        Some("resolution=merge-duplicates, return=minimal, handling=strict, max-affected=5")
    );
}

#[test]
fn ranges_narrow_each_other() {
    let range = |offset, limit| Range { offset, limit };
    let cases = [
        (range(0, None), "0-9", Some(range(0, Some(10)))),
        (range(0, None), "5-", Some(range(5, None))),
        (range(2, Some(3)), "0-3", Some(range(2, Some(2)))),
        (range(2, Some(3)), "4-99", Some(range(4, Some(1)))),
        (range(2, Some(3)), "7-9", None),
        (range(0, None), "9-5", None),
        (range(0, None), "bytes=0-1", Some(range(0, None))),
        (range(0, Some(0)), "0-9", Some(range(0, Some(0)))),
    ];
    for (asked, header, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert("range", header.parse().unwrap());
        assert_eq!(asked.within_header(&headers).ok(), expected, "{asked:?} {header}");
    }
}

#[test]
fn media_types_with_their_parameters() {
    let cases = [
        ("application/json; charset=utf-8", Some(MediaType::Json)),
        ("application/vnd.pgrst.array+json", Some(MediaType::Json)),
        (
            "application/vnd.pgrst.object+json; nulls=stripped",
            Some(MediaType::Object { stripped: true }),
        ),
        ("application/vnd.pgrst.object", Some(MediaType::Object { stripped: false })),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Some(MediaType::Json)),
        ("text/html", None),
    ];
    for (accept, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert("accept", accept.parse().unwrap());
        assert_eq!(MediaType::negotiate(&headers).ok(), expected, "{accept}");
    }
}
