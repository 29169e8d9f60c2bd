//! The metrics for Prometheus.

use std::collections::BTreeSet;

use chat_backend::observability::metrics::Metrics;
use serde_json::json;

use crate::support::{Answer, FakeProvider, TestApp, app, live, skipped_on_a_real_supabase};

const ON: (&str, &str) = ("METRICS_ADDR", "127.0.0.1:0");

/// The value of the metric with these labels.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let app = TestApp::with(&[ON]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for _ in 0..3 {
        alice.get(&format!("/api/chats/{chat}")).await.expect(200);
    }
    app.get("/api/chats/").await.problem(401);
    app.get("/made/up").await.problem(404);
    let metrics = app.metrics().await;
    let count = |labels: &str| {
        value(&metrics, &format!("chat_backend_requests_total{{{labels}}}")).unwrap_or_default()
    };
    let of_a_chat = r#"method="GET",route="/api/chats/{chat_id}""#;
    assert_eq!(count(&format!(r#"{of_a_chat},status="200""#)), 3.0, "{metrics}");
    assert_eq!(count(r#"method="POST",route="/api/chats/",status="201""#), 1.0);
    assert_eq!(count(r#"method="GET",route="/api/chats/",status="401""#), 1.0);
    assert_eq!(count(r#"method="GET",route="none",status="404""#), 1.0);
    let times = format!("chat_backend_request_duration_seconds_count{{{of_a_chat}}}");
    assert_eq!(value(&metrics, &times), Some(3.0), "{metrics}");
    assert!(!metrics.contains(&chat) && metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn answers_and_their_tokens_are_counted() {
    let provider = FakeProvider::with([Answer::Fixture("anthropic/text_stream.sse")]).await;
    let settings = [
        ON,
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-test"),
        ("DEFAULT_MODEL", "claude-sonnet-5-5"),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let usage = alice.ask(&chat, "Hello").await["usage"].clone();
    let metrics = app.metrics().await;
    let answers =
        r#"chat_backend_answers_total{provider="anthropic",operation="chat",status="complete"}"#;
    assert_eq!(value(&metrics, answers), Some(1.0), "{metrics}");
    for (kind, field) in [("input", "input_tokens"), ("output", "output_tokens")] {
        let tokens = format!("chat_backend_tokens_total{{provider=\"anthropic\",kind=\"{kind}\"}}");
        assert_eq!(value(&metrics, &tokens), usage[field].as_f64(), "{metrics}");
        assert!(usage[field].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn running_generations_are_counted() {
    let (sender, answer) = live();
    let provider = FakeProvider::with([answer]).await;
    let settings = [ON, ("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "local")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let running = async || value(&app.metrics().await, "chat_backend_generations_running");
    assert_eq!(running().await, Some(0.0));
    let path = format!("/api/ai/chat/{chat}/generate");
    let words = r#"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    sender.send(format!("{words}\n\n").into()).unwrap();
    let mut stream = alice.stream(&path, json!({ "content": "Hello", "stream": true })).await;
    stream.until("text-delta").await;
    assert_eq!(running().await, Some(1.0));
    alice.poke(&format!("/api/ai/chat/{chat}/stop")).await.expect(200);
    stream.rest().await;
    assert_eq!(running().await, Some(0.0));
}

#[tokio::test]
async fn clients_have_no_way_to_the_metrics() {
    let on = TestApp::with(&[ON]).await;
    assert_eq!(on.get("/metrics").await.problem(404), "route_not_found");
    assert_eq!(app().await.get("/metrics").await.problem(404), "route_not_found");
}

/// The names of metrics in a text, without what a histogram or counter adds.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words = words.filter(|word| word.starts_with("chat_backend_"));
    let suffixes = ["_bucket", "_count", "_sum", "_total"];
    let plain =
        words.map(|word| suffixes.iter().fold(word, |word, end| word.trim_end_matches(end)));
    plain.map(str::to_owned).collect()
}

#[test]
fn dashboard_alerts_and_docs_name_what_there_is() {
    let there: BTreeSet<_> = Metrics::on().names().into_iter().collect();
    for file in [
        include_str!("../../monitoring/grafana-dashboard.json"),
        include_str!("../../monitoring/alerts.yml"),
        include_str!("../../docs/production.md"),
    ] {
        let missing: Vec<_> = names(file).difference(&there).cloned().collect();
        assert!(missing.is_empty(), "{missing:?} in {file:.60}");
    }
    let documented = names(include_str!("../../docs/production.md"));
    let missing: Vec<_> = there.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/production.md lacks {missing:?}");
}

#[tokio::test]
async fn what_fails_is_counted() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let refused = || Answer::Json(401, json!({ "error": { "message": "bad key" } }));
    let provider = FakeProvider::with([refused()]).await;
    let settings = [ON, ("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "local")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let body = json!({ "content": "Hello", "stream": false });
    alice.post(&format!("/api/ai/chat/{chat}/generate"), body).await.problem(502);
    let metrics = app.metrics().await;
    let failed = r#"chat_backend_provider_errors_total{provider="openai",kind="authentication"}"#;
    assert_eq!(value(&metrics, failed), Some(1.0), "{metrics}");
    let signed_up = r#"chat_backend_local_supabase_requests_total{service="auth",status="200"}"#;
    assert!(value(&metrics, signed_up) > Some(0.0), "{metrics}");
    assert_eq!(value(&metrics, "chat_backend_generations_running"), Some(0.0));
    assert!(value(&metrics, "chat_backend_memory_budget_limit_bytes") > Some(0.0));
}
