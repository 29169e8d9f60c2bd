//! What sources list, and what is offered of it to models.

use std::sync::Arc;
use std::time::Duration;

use chat_backend::agent::tools::source::{
    Keep, Policy, SharedBy, SourceKind, SourceTool, ToolSource, Who,
};
use chat_backend::agent::{BuiltIn, Credentials, FindError, Offered, Sources, ToolSelection};
use chat_backend::clock::Clock;
use chat_backend::observability::metrics::Metrics;
use chat_backend::supabase::AccessToken;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{FakeSource, Listed, tool};

fn who(role: Option<&str>) -> Who {
    let credentials = Credentials::new(Uuid::new_v4(), AccessToken::new("token"), 0);
    Who { credentials, role: role.map(str::to_owned) }
}

fn sources(all: &[Arc<FakeSource>]) -> Sources {
    let none = |label| BuiltIn::new(label, Vec::new());
    let sources = Sources::new(none("built_in"), none("demo"), Clock::System, Metrics::default());
    sources.replace(all.iter().map(|source| source.clone() as Arc<dyn ToolSource>).collect());
    sources
}

fn names(offered: &Offered) -> Vec<&str> {
    offered.tools.iter().map(|tool| tool.name.as_str()).collect()
}

async fn default(sources: &Sources) -> Offered {
    sources.offer(&ToolSelection::Default, &who(None)).await
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_slow_or_crashes_costs_a_warning_and_two_seconds() {
    let good = FakeSource::mcp("good", vec![tool("a")]).answering([]);
    let bad = [
        ("fails", Listed::Failure("the server says 503")),
        ("stalls", Listed::Silence),
        ("panics", Listed::Panic),
    ]
    .map(|(label, listed)| FakeSource::new(label, SourceKind::Mcp, listed).answering([]));
    let sources = sources(&[&[good][..], &bad].concat());
    let started = tokio::time::Instant::now();
    let offered = default(&sources).await;
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!(names(&offered), ["good_a"]);
    assert_eq!(
        offered.warnings,
        [
            "The tools of fails are missing: the server says 503.",
            "The tools of stalls are missing: it did not answer in time.",
            "The tools of panics are missing: it crashed.",
        ]
    );
    // Nobody asks a source that nothing is wanted of.
    let named = ToolSelection::Named(vec!["good".to_owned()]);
    let started = tokio::time::Instant::now();
    assert!(sources.offer(&named, &who(None)).await.warnings.is_empty());
    assert_eq!(started.elapsed(), Duration::ZERO);
    let health: Vec<_> =
        sources.health().into_iter().map(|(_, _, health)| health.unwrap()).collect();
    assert!(health[0].error.is_none() && health[1..].iter().all(|health| health.error.is_some()));
}

#[tokio::test(start_paused = true)]
async fn listings_are_kept_as_the_source_says_and_a_slow_one_serves_the_next_turn() {
    let keep = |shared_by| Keep { lifetime: Duration::from_secs(60), shared_by };
    let by_role = FakeSource::mcp("r", vec![tool("a")]).keeping(keep(SharedBy::Role)).answering([]);
    let all = sources(std::slice::from_ref(&by_role));
    for role in [None, Some("admin"), None, Some("admin")] {
        all.offer(&ToolSelection::Default, &who(role)).await;
    }
    assert_eq!(by_role.listings(), 2);
    tokio::time::advance(Duration::from_secs(61)).await;
    default(&all).await;
    assert_eq!(by_role.listings(), 3);

    let shared = FakeSource::new("s", SourceKind::Mcp, Listed::Silence)
        .keeping(keep(SharedBy::Everybody))
        .answering([]);
    let all = sources(std::slice::from_ref(&shared));
    // Many turns at once, and later ones, wait for the same listing.
    for _ in 0..3 {
        let (one, other) = tokio::join!(default(&all), default(&all));
        assert!(one.tools.is_empty() && other.tools.is_empty());
    }
    assert_eq!(shared.listings(), 1);
    shared.lists(Listed::Tools(vec![tool("a")]));
    // It is given up, and soon tried again.
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(default(&all).await.tools.is_empty());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(names(&default(&all).await), ["s_a"]);
    assert_eq!(shared.listings(), 2);
}

#[tokio::test]
async fn a_flood_is_bounded() {
    let long = SourceTool { description: "x\u{202e}".repeat(1 << 19), ..tool("long") };
    let many: Vec<_> = (0..5_000).map(|number| tool(&format!("t{number}"))).collect();
    let sources = sources(&[FakeSource::mcp("many", [vec![long], many].concat()).answering([])]);
    let offered = default(&sources).await;
    assert_eq!(offered.tools.len(), 64);
    assert_eq!(offered.tools[0].for_model().description, "x".repeat(1_024));
    let warnings = offered.warnings.join(" ");
    assert!(warnings.contains("it has 5001 tools"), "{warnings}");
    assert!(warnings.contains("There are 512 tools"), "{warnings}");
}

#[tokio::test]
async fn a_hostile_schema_leaves_its_tool_out_and_no_other() {
    let with = |name: &str, parameters: Value| SourceTool { parameters, ..tool(name) };
    let next = |n: usize| json!({ "$ref": format!("#/$defs/d{}", n + 1) });
    let mut defs: Map<String, Value> =
        (0..28).map(|n| (format!("d{n}"), json!({ "allOf": [next(n), next(n)] }))).collect();
    defs.insert("d28".into(), json!({ "type": "string" }));
    let tools = vec![
        with("doubles", json!({ "$defs": defs, "properties": { "x": { "$ref": "#/$defs/d0" } } })),
        with("reaches", json!({ "properties": { "x": { "$ref": "http://169.254.169.254/" } } })),
        with("traps", serde_json::from_str(r#"{"properties":{"__proto__":{}}}"#).unwrap()),
        with("recurses", json!({ "properties": { "x": { "$ref": "#" } } })),
        with("none", json!(null)),
        with("lists", json!({ "type": "array" })),
    ];
    let sources = sources(&[FakeSource::mcp("s", tools).answering([])]);
    let offered = default(&sources).await;
    assert_eq!(names(&offered), ["s_recurses"]);
    assert_eq!(offered.warnings.len(), 5, "{:?}", offered.warnings);
    let schema = offered.tools[0].for_model().parameters;
    let inner = json!({ "type": "object", "properties": { "x": {} } });
    assert_eq!(schema, json!({ "type": "object", "properties": { "x": inner } }));
}

#[tokio::test]
async fn names_are_the_models_and_do_not_depend_on_the_order() {
    let long = "l".repeat(128);
    let hostile =
        ["a.b", "../x", "😀", "getUser", "getuser", "run_script", "9lives", "", long.as_str()];
    let hostile = || FakeSource::mcp("m", hostile.map(tool).to_vec()).answering([]);
    let functions = |label| {
        let tools = ["files", "search"].map(tool).to_vec();
        FakeSource::new(label, SourceKind::Postgres, Listed::Tools(tools)).answering([])
    };
    let named = |all: &[Arc<FakeSource>]| {
        let sources = sources(all);
        async move {
            let offered = default(&sources).await;
            let name = |tool: &Arc<chat_backend::agent::OfferedTool>| {
                let real = format!("{}.{}", tool.source.label(), tool.tool().name);
                (real, tool.name.clone())
            };
            let mut names: Vec<_> = offered.tools.iter().map(name).collect();
            names.sort();
            names
        }
    };
    let one = named(&[hostile(), functions("db"), functions("db2")]).await;
    assert_eq!(one, named(&[functions("db2"), hostile(), functions("db")]).await);
    let shown: std::collections::BTreeMap<_, _> = one.iter().cloned().collect();
    assert_eq!(shown["m.a.b"], "m_a_b");
    assert_eq!(shown["m.../x"], "m_.._x".replace('.', "_"));
    assert_eq!(shown["m.run_script"], "m_run_script");
    assert!(!shown.contains_key("m."));
    for (real, name) in &one {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        assert!((1..=64).contains(&name.len()) && name.chars().all(fits), "{real}: {name}");
    }
    let mut lower: Vec<_> = one.iter().map(|(_, name)| name.to_lowercase()).collect();
    lower.sort();
    lower.dedup();
    assert_eq!(lower.len(), one.len());
    assert!(shown["m.getUser"].ends_with("_m_getUser") && shown["db.search"] != "search");
    assert!(shown[&format!("m.{long}")].ends_with(&"l".repeat(55)));
}

#[tokio::test]
async fn a_definition_that_changes_is_another_tool() {
    let source = FakeSource::mcp("s", vec![tool("a")]).answering([]);
    let all = sources(std::slice::from_ref(&source));
    let digest = default(&all).await.tools[0].digest().to_owned();
    let found = async || all.find("s", "a", &digest, &who(None)).await;
    assert_eq!(found().await.ok().unwrap().digest(), digest);
    for changed in [
        SourceTool { description: "Does A.".into(), ..tool("a") },
        SourceTool { target: Some("example.com".into()), ..tool("a") },
        SourceTool { parameters: json!({ "type": "object", "properties": {} }), ..tool("a") },
    ] {
        source.lists(Listed::Tools(vec![changed]));
        assert_eq!(found().await.err(), Some(FindError::Changed));
    }
    source.lists(Listed::Tools(vec![]));
    assert_eq!(found().await.err(), Some(FindError::Missing));
    source.lists(Listed::Failure("no"));
    assert_eq!(found().await.err(), Some(FindError::Unavailable("no".into())));
}

#[tokio::test]
async fn only_harmless_calls_run_unasked() {
    let unless = |schema: Value| SourceTool { policy: Policy::Unless(schema), ..tool("a") };
    let below =
        json!({ "type": "object", "properties": { "n": { "maximum": 3 } }, "required": ["n"] });
    for (tool, asks) in [
        (tool("a"), false),
        (SourceTool { policy: Policy::Always, ..tool("a") }, true),
        (unless(below.clone()), false),
        (unless(json!({ "type": "object", "required": ["m"] })), true),
        // What is not looked at must not let a call pass.
        (unless(json!({ "properties": { "n": { "format": "small" } } })), true),
    ] {
        let sources = sources(&[FakeSource::mcp("s", vec![tool]).answering([])]);
        let offered = default(&sources).await;
        assert_eq!(offered.tools[0].needs_approval(&json!({ "n": 3 })), asks);
    }
}
