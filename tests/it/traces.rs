//! Traces, as a collector of OpenTelemetry receives them.

#![cfg(unix)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Answer, FakeProvider, Program};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const SECRET_WORDS: [&str; 3] = ["Be a pirate", "What is a fjord", "otel-s3cr3t"];

#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Collector {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receive = async |State(all): State<Self>, headers: HeaderMap, body: Bytes| {
            all.bodies.lock().unwrap().push((headers, body));
        };
        let router = Router::new().route("/v1/traces", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let requests = bodies.iter().map(|(_, body)| ExportTraceServiceRequest::decode(&body[..]));
        let scopes = requests.flat_map(|request| request.unwrap().resource_spans);
        scopes.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn attributes(span: &Span) -> HashMap<String, String> {
    let text = |value: Any| match value {
        Any::StringValue(text) => text,
        Any::IntValue(number) => number.to_string(),
        Any::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = span.attributes.iter().cloned();
    pairs.map(|pair| (pair.key, text(pair.value.unwrap().value.unwrap()))).collect()
}

/// A server with these settings, and two answers of it that are part of the caller's trace: of a model, and of
/// one that calls a tool.
async fn traced(settings: &[(&str, &str)]) -> (Collector, FakeProvider, Vec<Span>) {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let provider = FakeProvider::with([Answer::Fixture("anthropic/text_stream.sse")]).await;
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20otel-s3cr3t"),
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-test"),
        ("DEFAULT_MODEL", "claude-sonnet-5-5"),
    ];
    let mut program = Program::start(&[&all[..], settings].concat());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let signup = client.post(format!("{}/auth/v1/signup", program.supabase_url));
    let signup = signup.header("apikey", "sb_publishable_local").json(&json!({})).send();
    let session: Value = signup.await.unwrap().json().await.unwrap();
    let token = session["access_token"].as_str().unwrap();
    let send = |path: &str, body: Value| {
        let request = client.post(format!("{}{path}", program.url)).bearer_auth(token);
        request.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).json(&body).send()
    };
    let chat = send("/api/chats/", json!({ "title": "Fjords", "system_prompt": "Be a pirate" }));
    let chat: Value = chat.await.unwrap().json().await.unwrap();
    let path = format!("/api/ai/chat/{}/generate", chat["id"].as_str().unwrap());
    let body = json!({ "content": "What is a fjord?", "stream": false });
    assert_eq!(send(&path, body).await.unwrap().status(), 200);
    let body = json!({ "content": "/tool", "model": "scripted/demo", "stream": false });
    assert_eq!(send(&path, body).await.unwrap().status(), 200);
    program.signal("TERM");
    assert!(program.wait_for_exit().success(), "{}", program.log());
    assert!(!program.log().contains("otel-s3cr3t"), "{}", program.log());
    let spans = collector.spans();
    (collector, provider, spans)
}

// The collector answers while the end of the server is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_one_trace_from_the_caller_to_the_model() {
    let (collector, provider, spans) = traced(&[]).await;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut spans = spans;
    spans.retain(|span| hex(&span.trace_id) == TRACE);
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| {
            let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
            panic!("no span {name}: {names:?}")
        })
    };

    let request = named("POST /api/ai/chat/{chat_id}/generate");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(attributes(request)["http.response.status_code"], "200");
    let generation = named("invoke_agent");
    assert_eq!(generation.parent_span_id, request.span_id);
    let call = named("chat claude-sonnet-5-5");
    assert_eq!(call.parent_span_id, generation.span_id);
    assert!(spans.iter().any(|span| span.name.contains("/rest/v1/rpc/begin_generation")));

    let tool = spans.iter().find(|span| span.name.starts_with("execute_tool ")).unwrap();
    let agent = spans.iter().find(|span| span.span_id == tool.parent_span_id).unwrap();
    assert_eq!(agent.name, "invoke_agent");
    assert_eq!(attributes(tool)["chat_backend.tool.source"], "demo");

    let shown = attributes(call);
    assert_eq!(shown["gen_ai.provider.name"], "anthropic");
    let count = |name: &str| shown[name].parse::<i64>().unwrap();
    assert!(count("gen_ai.usage.input_tokens") > 0 && count("gen_ai.usage.output_tokens") > 0);
    assert!(shown["gen_ai.usage.cost"].parse::<f64>().unwrap() > 0.0);
    assert!(shown.contains_key("gen_ai.response.time_to_first_chunk"));
    assert!(shown["gen_ai.response.finish_reasons"].contains("stop"));
    let details: Value =
        serde_json::from_str(&shown["langfuse.observation.usage_details"]).unwrap();
    let parts = details.as_object().unwrap().iter().filter(|(name, _)| *name != "total");
    let sum: i64 = parts.map(|(_, tokens)| tokens.as_i64().unwrap()).sum();
    assert_eq!(details["total"].as_i64(), Some(sum), "each token counts once: {details}");

    // The model's server is told of the span that asked it.
    let sent = &provider.headers()[0]["traceparent"];
    assert_eq!(sent, &format!("00-{TRACE}-{}-01", hex(&call.span_id)));
    let bodies = collector.bodies.lock().unwrap();
    for (headers, body) in bodies.iter() {
        assert_eq!(headers["authorization"], "Bearer otel-s3cr3t");
        let body = String::from_utf8_lossy(body);
        for secret in SECRET_WORDS {
            assert!(!body.contains(secret), "{secret}");
        }
    }
}

// The collector answers while the end of the server is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_shown_where_the_operator_wants_it_but_never_instructions() {
    let (_, _, spans) = traced(&[("OTEL_CAPTURE_CONTENT", "true")]).await;
    let call = spans.iter().find(|span| span.name == "chat claude-sonnet-5-5").unwrap();
    let shown = attributes(call);
    assert!(shown["gen_ai.input.messages"].contains("What is a fjord"), "{shown:?}");
    assert!(shown["gen_ai.output.messages"].contains("\"content\""), "{shown:?}");
    assert!(!format!("{spans:?}").contains("Be a pirate"));
}
