//! Functions of a project as tools: on PostgreSQL, through the SQL that PostgREST makes, and with recorded
//! answers of PostgREST.

use std::sync::Arc;
use std::time::Duration;

use chat_backend::agent::Credentials;
use chat_backend::agent::tools::source::{
    Outcome, Policy, SourceCall, SourceTool, ToolContext, ToolSource, Who,
};
use chat_backend::clock::Clock;
use chat_backend::config::file::ToolEntry;
use chat_backend::config::{FileConfig, Project};
use chat_backend::supabase::{AccessToken, Caller, Supabase};
use chat_backend::tool_sources::postgres::{Inspection, PostgresFunctions, inspect};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::postgrest::Postgrest;
use super::{Database, database};
use crate::support::{self, FakeSupabase, User, app, skipped_on_a_real_supabase};

const AWKWARD: &str = include_str!("../fixtures/functions/functions.sql");
const RECORDED: &str = include_str!("../fixtures/functions/rpc.txt");
const README: &str = include_str!("../../../README.md");
const EXAMPLES: &str = include_str!("../../../examples/functions.sql");

/// A source, and how to call its tools.
struct Source(PostgresFunctions);

fn supabase(url: &str) -> Supabase {
    let project = Project {
        url: url.to_owned(),
        public_url: url.to_owned(),
        anon_key: "sb_publishable_test".into(),
        service_role_key: Some("sb_secret_test".into()),
        jwt_secret: None,
    };
    Supabase::new(&project, Duration::from_secs(10), Clock::System).unwrap()
}

impl Source {
    fn new(url: &str, settings: &str) -> Self {
        let file = format!("[[tools]]\nkind = \"postgres\"\nname = \"db\"\n{settings}");
        let file = FileConfig::parse(&file, std::path::Path::new(""), &[].into()).unwrap();
        let Some(ToolEntry::Postgres(settings)) = file.tools.into_iter().next() else { panic!() };
        Self(PostgresFunctions::new(*settings, supabase(url), Duration::from_secs(15), 65_536))
    }

    async fn list(&self, token: &str) -> Vec<SourceTool> {
        let who = Who { credentials: credentials(token), role: None };
        self.0.list(&who).await.unwrap()
    }

    async fn call(&self, token: &str, tool: &str, arguments: Value) -> Outcome {
        let context = ToolContext {
            credentials: credentials(token),
            chat_id: None,
            message_id: None,
            idempotency_key: "message/call".into(),
            cancellation: CancellationToken::new(),
            progress: Arc::new(|_| {}),
        };
        self.0.call(&context, &SourceCall { tool: tool.to_owned(), arguments }).await
    }

    async fn output(&self, token: &str, tool: &str, arguments: Value) -> Value {
        match self.call(token, tool, arguments).await {
            Outcome::Ok { output, .. } => output,
            other => panic!("{tool}: {other:?}"),
        }
    }

    async fn refusal(&self, token: &str, tool: &str, arguments: Value) -> String {
        match self.call(token, tool, arguments).await {
            Outcome::Refused(sentence) => sentence,
            other => panic!("{tool}: {other:?}"),
        }
    }

    async fn failure(&self, token: &str, tool: &str, arguments: Value) -> (String, bool) {
        match self.call(token, tool, arguments).await {
            Outcome::Failed { sentence, may_have_happened } => (sentence, may_have_happened),
            other => panic!("{tool}: {other:?}"),
        }
    }
}

fn credentials(token: &str) -> Arc<Credentials> {
    Credentials::new(Uuid::nil(), AccessToken::new(token), i64::MAX)
}

/// A project with these functions, and two users.
async fn project(sql: &str) -> Option<(Postgrest, User, User)> {
    if skipped_on_a_real_supabase("the local one") {
        return None;
    }
    let db = database().await?;
    apply(&db, sql).await;
    let app = app().await;
    let postgrest = Postgrest::start(db, &app.supabase_url, "sb_secret_test").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for (user, name) in [(&alice, "alice"), (&bob, "bob")] {
        postgrest.db().add_user(&user.id, name).await;
    }
    Some((postgrest, alice, bob))
}

async fn apply(db: &Database, sql: &str) {
    db.as_owner().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn the_examples_run_as_the_signed_in_user() {
    // The README's is one of them, which it says once more.
    let (_, section) = README.split_once("### A Postgres function\n").unwrap();
    let (_, block) = section.split_once("```sql\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let sql = format!("{EXAMPLES}\ndrop function public.total_spent;\n{block}");
    let Some((postgrest, alice, bob)) = project(&sql).await else { return };
    let source = Source::new(&postgrest.url, "default = true");
    let tools = source.list(&alice.token).await;
    let policies: Vec<_> =
        tools.iter().map(|tool| (&*tool.name, &tool.policy, tool.is_repeatable)).collect();
    assert_eq!(
        policies,
        [
            ("cancel_my_order", &Policy::Always, true),
            ("find_orders", &Policy::Never, true),
            ("place_order", &Policy::Always, false),
            ("total_spent", &Policy::Never, true),
        ]
    );
    assert_eq!(
        tools[1].parameters["properties"]["status"],
        json!({ "type": "string", "enum": ["open", "paid", "cancelled"],
                "description": "Only orders in this state" })
    );
    let order = json!({ "product": "Tea", "quantity": 2 });
    let order = source.output(&alice.token, "place_order", order).await;
    assert_eq!((&order["user_id"], &order["status"]), (&json!(alice.id), &json!("open")));
    let found = source.output(&alice.token, "find_orders", json!({ "status": "open" })).await;
    assert_eq!(found, json!([order]));
    assert_eq!(source.output(&bob.token, "find_orders", json!({})).await, json!([]));
    let id = json!({ "order_id": order["id"].to_string() });
    let refused = source.refusal(&bob.token, "cancel_my_order", id.clone()).await;
    let words = "There is no order 1 that can be cancelled. (Paid orders cannot be cancelled.)";
    assert_eq!(refused, words);
    let refused = json!({ "product": "Tea", "quantity": 0 });
    let refused = source.refusal(&alice.token, "place_order", refused).await;
    assert!(refused.starts_with("value for domain quantity violates check"), "{refused}");
    assert_eq!(source.output(&alice.token, "cancel_my_order", id).await, "cancelled");
    assert_eq!(source.output(&alice.token, "total_spent", json!({})).await, 0);
}

/// The whole way: the file, the list, a model that calls, PostgREST, the answer.
#[tokio::test]
async fn a_model_calls_a_function_as_the_signed_in_user() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let Some(db) = database().await else { return };
    apply(&db, EXAMPLES).await;
    let app = app().await;
    let postgrest = Postgrest::start(db, &app.supabase_url, app.service_key()).await;
    let file = support::new_folder().with_extension("toml");
    std::fs::write(&file, "[[tools]]\nkind = \"postgres\"\nname = \"db\"\ndefault = true\n")
        .unwrap();
    let settings = [
        ("SUPABASE_URL", postgrest.url.as_str()),
        ("SUPABASE_PUBLIC_URL", app.supabase_url.as_str()),
        ("CONFIG_FILE", file.to_str().unwrap()),
    ];
    let replica = app.replica(&settings).await;
    std::fs::remove_file(&file).unwrap();
    let alice = app.user("alice").await.on(&replica);
    postgrest.db().add_user(&alice.id, "alice").await;
    let order = format!(
        "insert into orders (user_id, product, quantity, price, status) \
         values ('{}', 'Tea', 3, 2.5, 'paid'), (gen_random_uuid(), 'Tea', 100, 9, 'paid')",
        alice.id
    );
    postgrest.db().admin.batch_execute(&order).await.unwrap();
    let tools = alice.get("/api/ai/tools").await.expect(200);
    let functions = tools.as_array().unwrap().iter().filter(|tool| tool["source"] == "db");
    let functions: Vec<_> = functions.map(|tool| json!([tool["name"], tool["approval"]])).collect();
    assert_eq!(
        functions,
        [
            json!(["cancel_my_order", "always"]),
            json!(["find_orders", "never"]),
            json!(["place_order", "always"]),
            json!(["total_spent", "never"]),
        ]
    );
    let chat = alice.create_chat("Orders").await;
    let answer = alice.ask(&chat, "/tool total_spent {\"year\": null}").await;
    let parts = answer["message"]["parts"].as_array().unwrap();
    let call = parts.iter().find(|part| part["type"] == "tool-total_spent").unwrap();
    assert_eq!((&call["state"], &call["output"]), (&json!("output-available"), &json!(7.5)));
}

#[tokio::test]
async fn awkward_functions_are_offered_or_reported() {
    let Some((postgrest, alice, _)) = project(AWKWARD).await else { return };
    let source = Source::new(&postgrest.url, "max_rows = 3");
    let token = &*alice.token;
    let tools = source.list(token).await;
    let tool = |name: &str| tools.iter().find(|tool| tool.name == name).unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(
        names,
        [
            "Weird Name/é",
            "create_order",
            "find_orders",
            "hundred",
            "lying_nested",
            "lying_stable",
            "many_rows",
            "marked_danger",
            "misspelt",
            "nothing",
            "results",
            "set_discount",
            "ship_to",
            "stats",
            "sum_of",
            "timeline",
            "types",
            "with_schema",
        ]
    );
    let asked: Vec<_> = tools.iter().filter(|tool| tool.policy == Policy::Always).collect();
    let asked: Vec<_> = asked.iter().map(|tool| &*tool.name).collect();
    let expected =
        ["create_order", "marked_danger", "misspelt", "nothing", "set_discount", "ship_to"];
    assert_eq!(asked, expected);
    assert!(!tool("marked_danger").may_remember && tool("nothing").may_remember);
    let parameters = &tool("find_orders").parameters;
    assert_eq!(parameters["required"], json!([]));
    assert_eq!(
        parameters["properties"]["max_rows"]["description"],
        "At most so many (100). Default: 20"
    );
    assert_eq!(tool("ship_to").parameters["required"], json!(["order_id", "target"]));
    assert_eq!(tool("stats").parameters["properties"].as_object().unwrap().len(), 1);
    assert_eq!(tool("hundred").parameters["properties"].as_object().unwrap().len(), 100);
    assert_eq!(tool("with_schema").parameters["required"], json!(["filter"]));
    assert_eq!(tool("types").parameters["required"], json!(["label", "mail", "nested"]));
    assert!(tool("types").parameters.to_string().len() < 2000);

    // What the types refuse, the model reads.
    let order = source.output(token, "create_order", json!({ "lines": [{ "price": 3.5 }] })).await;
    assert_eq!(order["total"], 3.5);
    for (name, arguments, expected) in [
        ("sum_of", json!({ "numbers": [1, 2.5] }), json!(3.5)),
        ("stats", json!({ "numbers": [1, 2, 6] }), json!({ "n": 3, "mean": 3.0 })),
        (
            "ship_to",
            json!({ "order_id": "9007199254740993", "target": { "street": "A", "city": "B" } }),
            json!("9007199254740993 to A, B"),
        ),
        ("Weird Name/é", json!({ "The Argument": "x" }), json!("x2")),
        ("hundred", json!({ "a100": 7 }), json!(7)),
        ("nothing", json!({}), json!("")),
        ("results", json!({}), json!({ "nan": "NaN", "bytes": "\\x00ff", "infinity": "infinity" })),
    ] {
        assert_eq!(source.output(token, name, arguments).await, expected, "{name}");
    }
    let many = source.output(token, "many_rows", json!({})).await;
    assert_eq!(many["rows"].as_array().unwrap().len(), 3);
    assert!(many["note"].as_str().unwrap().contains("first 3 rows"));
    for (name, arguments, expected) in [
        ("find_orders", json!({ "status": "nope" }), "invalid input value for enum"),
        ("set_discount", json!({ "customer": "nobody", "percent": 5 }), "value for domain email"),
        ("sum_of", json!({ "numbers": [1], "x": 2 }), "Could not find the function"),
        ("lying_stable", json!({}), "INSERT is not allowed in a non-volatile function"),
    ] {
        let refusal = source.refusal(token, name, arguments).await;
        assert!(refusal.starts_with(expected), "{name}: {refusal}");
    }
    for (name, arguments) in
        [("lookup", json!({ "id": "1" })), ("danger", json!({})), ("secret_fn", json!({}))]
    {
        let (failure, may_have_happened) = source.failure(token, name, arguments).await;
        assert_eq!(failure, "There is no such function any more.", "{name}");
        assert!(!may_have_happened, "{name}");
    }
    let (failure, may_have_happened) = source.failure(token, "lying_nested", json!({})).await;
    assert!(failure.contains("it tried to write") && !may_have_happened, "{failure}");
    assert_eq!(postgrest.db().strings("select count(*)::text from orders").await, ["1"]);

    // Asked with the service key: the same functions, with what is to be said of them.
    let inspected = inspect(&supabase(&postgrest.url), Caller::Service).await.unwrap();
    assert_eq!(inspected.iter().filter(|one| one.is_offered).count(), tools.len());
    let problems = |name: &str| {
        let named = inspected.iter().filter(|one: &&Inspection| one.function == name);
        named.flat_map(|one| one.problems.clone()).collect::<Vec<_>>()
    };
    let overloaded = "it is overloaded: another function has the same name";
    assert_eq!(problems("lookup"), [overloaded, overloaded]);
    let unnamed = "an argument has no name, so it cannot be called by name";
    assert_eq!(problems("unnamed"), [unnamed]);
    assert_eq!(problems("any_type"), ["no values can be sent for the type anyelement"]);
    assert_eq!(problems("long_comment"), ["its comment is longer than 8192 characters"]);
    assert!(problems("danger")[0].starts_with("it is security definer, past row-level security"));
    let ignored = "@approval never does not count for security definer";
    assert_eq!(problems("marked_danger"), [ignored]);
    let misspelt = ["@aproval is not known", "@param nobody: it has no such argument"];
    assert_eq!(problems("misspelt"), misspelt);
    assert_eq!(problems("find_orders"), [""; 0]);
}

#[tokio::test]
async fn the_operator_may_be_stricter() {
    let Some((postgrest, alice, _)) = project(AWKWARD).await else { return };
    for (approval, asked) in [("always", 18), ("never", 3)] {
        let source = Source::new(&postgrest.url, &format!("approval = \"{approval}\""));
        let tools = source.list(&alice.token).await;
        assert_eq!(tools.iter().filter(|tool| tool.policy == Policy::Always).count(), asked);
    }
    let source = Source::new(&postgrest.url, "roles = [\"staff\"]");
    assert_eq!(source.list(&alice.token).await, vec![]);
    // A list is kept for a role of the database.
    let source = Source::new(&postgrest.url, "");
    let before = source.list(&alice.token).await.len();
    apply(postgrest.db(), "revoke execute on function public.sum_of from authenticated, public")
        .await;
    assert_eq!(source.list(&alice.token).await.len(), before);
    let anon = "e30.eyJyb2xlIjoiYW5vbiJ9.e30";
    let who = Who { credentials: credentials(anon), role: None };
    assert!(source.0.list(&who).await.is_err());
    assert_eq!(Source::new(&postgrest.url, "").list(&alice.token).await.len(), before - 1);
}

/// Whatever PostgREST answers, it is said what became of the call.
#[tokio::test]
async fn recorded_answers_are_outcomes() {
    let fake = FakeSupabase::start().await;
    let function = |name: &str, volatility: &str| {
        json!({ "name": name, "comment": "@tool Does it.", "volatility": volatility,
            "is_security_definer": false, "returns_set": false, "is_overloaded": false, "arguments": [] })
    };
    let list =
        json!({ "functions": [function("reads", "stable"), function("writes", "volatile")] });
    fake.always("/rest/v1/rpc/list_tool_functions", support::Outcome::json(200, &list));
    let source = Source::new(&fake.url, "");
    let call = async |outcome: support::Outcome| {
        fake.enqueue("/rest/v1/rpc/reads", [outcome.clone()]);
        fake.enqueue("/rest/v1/rpc/writes", [outcome]);
        let token = "e30.eyJyb2xlIjoiYXV0aGVudGljYXRlZCJ9.e30";
        let read = source.call(token, "reads", json!({})).await;
        (read, source.call(token, "writes", json!({})).await)
    };
    let mut seen = 0;
    for exchange in RECORDED.replace('\r', "").split("### ").skip(2) {
        let (head, body) = exchange.split_once("\n\n").unwrap();
        let status: u16 = head.split_once("HTTP/1.1 ").unwrap().1[..3].parse().unwrap();
        let body = body.trim();
        let value: Value = serde_json::from_str(body).unwrap();
        let (read, wrote) = call(support::Outcome::Answer(status, None, body.to_owned())).await;
        seen += 1;
        if status == 200 {
            let expected = Outcome::Ok { output: value, parts: vec![], files: vec![] };
            assert_eq!((&read, &wrote), (&expected, &expected), "{head}");
            continue;
        }
        let message = value["message"].as_str().unwrap();
        match wrote {
            Outcome::Refused(sentence) => assert!(sentence.starts_with(message), "{sentence}"),
            Outcome::Failed { may_have_happened, .. } => {
                assert!(!may_have_happened && value["code"] == "25006", "{head}");
            }
            Outcome::Ok { .. } => panic!("{head}"),
        }
    }
    assert_eq!(seen, 32);
    let failed = |may_have_happened: bool, outcome: &Outcome| match outcome {
        Outcome::Failed { may_have_happened: may, .. } => *may == may_have_happened,
        _ => false,
    };
    let timeout = support::Outcome::error(500, "57014", "canceling statement due to timeout");
    for (outcome, may_have_happened) in [
        (support::Outcome::Recorded("postgrest/125-err-jwt-garbage.txt"), false),
        (timeout, false),
        (support::Outcome::later(504, 60), true),
        (support::Outcome::Answer(200, None, "{".into()), true),
    ] {
        let (read, wrote) = call(outcome).await;
        assert!(failed(false, &read), "{read:?}");
        assert!(failed(may_have_happened, &wrote), "{wrote:?}");
    }
    fake.enqueue("/rest/v1/rpc/writes", [support::Outcome::Truncated]);
    let lost = source.call("e30.eyJyb2xlIjoiYXV0aGVudGljYXRlZCJ9.e30", "writes", json!({})).await;
    assert!(failed(true, &lost), "{lost:?}");
}
