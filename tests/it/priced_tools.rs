//! Tools that have a price: reserved for before they are called, counted whatever becomes of the server.

use std::sync::Arc;
use std::time::Duration;

use chat_backend::agent::tools::source::{Outcome, Policy, SourceTool};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, Called, FakeProvider, FakeSource, OperatorFile, TestApp, User, call, ok, says,
    skipped_on_a_real_supabase, tool, until,
};

const PRICE: f64 = 0.1;
/// What each call of the model costs: 10 tokens of input and 5 of output.
const MODEL: f64 = 0.000_06;

fn file(usd_per_day: f64) -> OperatorFile {
    OperatorFile::new(&format!(
        "[plans.default]\nusd_per_day = {usd_per_day}\n\
         [prices.\"openai/gpt-6-sol\"]\ninput = 1\noutput = 10\n"
    ))
}

fn looks(number: usize) -> Answer {
    call(&format!("call-{number}"), "s_look", &json!({ "n": number }))
}

fn source(policy: Policy, calls: impl IntoIterator<Item = Called>) -> Arc<FakeSource> {
    let usd = serde_json::from_value(json!(PRICE)).unwrap();
    let tool = SourceTool { price_usd: Some(usd), policy, ..tool("look") };
    FakeSource::mcp("s", vec![tool]).answering(calls)
}

struct Shop {
    app: TestApp,
    provider: FakeProvider,
    source: Arc<FakeSource>,
    alice: User,
    _file: OperatorFile,
}

impl Shop {
    async fn new(answers: Vec<Answer>, usd_per_day: f64, source: Arc<FakeSource>) -> Self {
        let (provider, file) = (FakeProvider::with(answers).await, file(usd_per_day));
        let settings = [
            ("OPENAI_BASE_URL", provider.url.as_str()),
            ("DEFAULT_MODEL", "gpt-6-sol"),
            ("CONFIG_FILE", file.path()),
            ("SEAL_KEY", "the same on all replicas of these tests"),
            ("METRICS_ADDR", "127.0.0.1:0"),
        ];
        let app = TestApp::with(&settings).await;
        app.offer(std::slice::from_ref(&source));
        let alice = app.user("alice").await;
        Self { app, provider, source, alice, _file: file }
    }

    async fn ask(&self, user: &User) -> Value {
        let chat = user.create_chat("Shop").await;
        let question = json!({ "content": "Look", "max_output_tokens": 100 });
        user.generate(&chat, question).await.expect(200)["message"].clone()
    }

    /// What the budget of the day says, and what the rows of the usage have cost.
    async fn spent(&self) -> (f64, f64) {
        let usage = self.alice.get("/api/analytics/usage").await.expect(200);
        let budget = &usage["budgets"][0];
        assert_eq!(budget["reserved_usd"], json!(0.0), "{budget}");
        let rows = self.alice.usage_logs().await;
        let rows = rows.iter().map(|row| row["cost_usd"].as_f64().unwrap()).sum();
        (budget["used_usd"].as_f64().unwrap(), rows)
    }
}

fn result(message: &Value) -> &Value {
    let parts = message["parts"].as_array().unwrap();
    let call = parts.iter().find(|part| part["type"] == "tool-s_look");
    let call = call.unwrap_or_else(|| panic!("{message}"));
    call.get("output").unwrap_or(&call["errorText"])
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[tokio::test]
async fn of_six_calls_at_once_as_many_run_as_are_paid_for() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let answers = (0..6).map(looks).chain((0..6).map(|_| says("Well."))).collect();
    let shop = Shop::new(answers, 0.45, source(Policy::Never, [])).await;
    let other = shop.app.replica(&[]).await;
    other.offer(std::slice::from_ref(&shop.source));
    let there = shop.alice.on(&other);
    let asked = (0..6).map(|number| shop.ask(if number % 2 == 0 { &shop.alice } else { &there }));
    let messages = join_all(asked).await;
    assert_eq!(shop.source.calls().len(), 4);
    let texts = messages.iter().map(ToString::to_string).collect::<String>();
    let why = "Not run: s_look costs $0.1 a call, and $0.0";
    assert_eq!(texts.matches(why).count(), 2, "{texts}");
    let until = "of this day's budget is left until 2027-01-16T00:00:00Z. Go on without it.";
    assert_eq!(texts.matches(until).count(), 2, "{texts}");
    let (used, rows) = shop.spent().await;
    let expected = 4.0 * PRICE + 12.0 * MODEL;
    assert!(close(used, expected) && close(rows, expected), "{used} {rows}");
    let rows = shop.alice.usage_logs().await;
    let prices = rows.iter().flat_map(|row| row["prices"].as_array().unwrap());
    let paid = json!({ "tool": "s_look", "calls": 1, "usd_per_call": PRICE, "cost_usd": PRICE });
    assert_eq!(prices.filter(|price| **price == paid).count(), 4);
    let metric = |metrics: &str, name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or(" 0");
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (here, there) = (shop.app.metrics().await, other.metrics().await);
    for (name, expected) in [
        ("chat_backend_tool_cost_usd_total{source=\"mcp\"}", 4.0 * PRICE),
        ("chat_backend_cost_usd_total{provider=\"openai\"}", 12.0 * MODEL),
    ] {
        assert!(close(metric(&here, name) + metric(&there, name), expected), "{name} {here}");
    }
    // A range ends before its end.
    shop.app.clock.advance(Duration::from_secs(1));
    let usage = shop.alice.get("/api/analytics/usage").await.expect(200);
    assert!(close(usage["totals"]["cost_usd"].as_f64().unwrap(), expected), "{usage}");
}

#[tokio::test]
async fn what_has_certainly_not_run_costs_nothing() {
    let failed = |may_have_happened| {
        let sentence = "It is closed.".to_owned();
        Called::Outcome(Outcome::Failed { sentence, may_have_happened })
    };
    let answers = [looks(0), looks(1), looks(2), says("Well.")].into();
    let calls = [failed(false), failed(true), Called::Outcome(Outcome::Refused("No.".into()))];
    let shop = Shop::new(answers, 1.0, source(Policy::Never, calls)).await;
    let message = shop.ask(&shop.alice).await;
    let expected = 2.0 * PRICE + 4.0 * MODEL;
    assert!(close(message["metadata"]["cost_usd"].as_f64().unwrap(), expected), "{message}");
    let (used, rows) = shop.spent().await;
    assert!(close(used, expected) && close(rows, expected), "{used} {rows}");
}

#[tokio::test]
async fn a_call_of_a_server_that_is_lost_has_been_paid_for() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let source = source(Policy::Never, [Called::Silence]);
    let shop = Shop::new(vec![looks(0)], 0.45, source).await;
    let alice = shop.alice.clone();
    let chat = alice.create_chat("Shop").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let body = json!({ "content": "Look", "stream": true });
    tokio::spawn(async move { alice.stream(&path, body).await.rest().await });
    until("the tool is called", async || !shop.source.calls().is_empty()).await;
    // Nothing more is heard of it. What the tool costs was known before it was called.
    shop.app.clock.advance(Duration::from_secs(30));
    let usage = shop.alice.get("/api/analytics/usage").await.expect(200);
    let used = usage["budgets"][0]["used_usd"].as_f64().unwrap();
    assert!(close(used, PRICE + MODEL), "{used}");
    let row = shop.alice.usage_logs().await.pop().unwrap();
    assert!(close(row["cost_usd"].as_f64().unwrap(), used), "{row}");
    assert_eq!(row["usage_source"], "estimated");
}

#[tokio::test]
async fn an_approved_call_is_paid_for_when_it_is_made() {
    let answers = [looks(0), says("Well."), looks(1), says("Well.")].into();
    let shop =
        Shop::new(answers, 0.25, source(Policy::Always, [Called::Outcome(ok(json!(7)))])).await;
    for (spent, expected) in [(0.0, "7"), (0.1, "Not run: s_look costs $0.1 a call, and $0.0")] {
        let message = shop.ask(&shop.alice).await;
        assert_eq!(message["status"], "awaiting", "{message}");
        let (used, _) = shop.spent().await;
        assert!(used < 4.0 * MODEL + PRICE, "what waits has not been paid for");
        let row = json!({ "user_id": shop.alice.id, "operation": "chat", "provider": "p", "model": "m",
            "usage_source": "reported", "status": "complete", "cost_usd": spent });
        shop.app.store("usage_logs", &row).await;
        let waiting = shop.alice.get("/api/ai/approvals").await.expect(200)[0].clone();
        let (chat, id) = (&message["chat_id"], &waiting["approval_id"]);
        let path =
            format!("/api/ai/chat/{}/tool-calls/{}", chat.as_str().unwrap(), id.as_str().unwrap());
        let body = json!({ "approved": true, "stream": false });
        let message = shop.alice.post(&path, body).await.expect(200)["message"].clone();
        assert!(result(&message).to_string().contains(expected), "{message}");
    }
    assert_eq!(shop.source.calls().len(), 1);
    let (used, rows) = shop.spent().await;
    let expected = 2.0 * PRICE + 4.0 * MODEL;
    assert!(close(used, expected) && close(rows, expected), "{used} {rows}");
    assert_eq!(shop.provider.requests().len(), 4);
}

#[tokio::test]
async fn searches_of_the_provider_are_reserved_and_cost_what_the_operator_says() {
    let file = |usd_per_day: f64| {
        format!(
            "[plans.default]\nusd_per_day = {usd_per_day}\n\
             [[tools]]\nkind = \"hosted\"\nname = \"web_search\"\ndefault = true\nprice_usd = 0.02\n\
             models = [\"claude-sonnet-5\"]\n"
        )
    };
    let operators = OperatorFile::new(&file(0.1));
    let provider = FakeProvider::with([Answer::Fixture("hosted/anthropic-web-search.sse")]).await;
    let settings = [
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-very-secret"),
        ("DEFAULT_MODEL", "claude-sonnet-5"),
        ("CONFIG_FILE", operators.path()),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Oslo").await;
    let question = || json!({ "content": "How many?", "max_output_tokens": 200 });
    // Five searches may follow, and what they find is read.
    assert_eq!(alice.generate(&chat, question()).await.problem(429), "budget_exceeded");
    operators.write(&file(1.0));
    app.reload_file().unwrap();
    let chat = alice.create_chat("Oslo").await;
    let answer = alice.generate(&chat, question()).await.expect(200);
    assert_eq!(provider.requests()[0]["tools"][0]["max_uses"], 5);
    let cost = answer["cost_usd"].as_f64().unwrap();
    assert!((cost - (10_682.0 * 2e-6 + 122.0 * 10e-6 + 0.02)).abs() < 1e-9, "{cost}");
    let row = alice.usage_logs().await.pop().unwrap();
    let price = &row["prices"][0];
    assert_eq!((&price["searches"], &price["usd_per_search"]), (&json!(1), &json!(0.02)));
}
