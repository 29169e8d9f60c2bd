//! HTTP endpoints, Edge Functions and operations of OpenAPI documents as tools: what is sent, what the model
//! reads, and what endpoints cannot do.

mod endpoints;
mod file;
mod openapi;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat_backend::agent::Credentials;
use chat_backend::agent::tools::source::{
    Outcome, SourceCall, SourceTool, ToolContext, ToolSource, Who,
};
use chat_backend::clock::Clock;
use chat_backend::config::file::ToolEntry;
use chat_backend::config::{FileConfig, Project};
use chat_backend::memory::Memory;
use chat_backend::observability::metrics::Metrics;
use chat_backend::supabase::AccessToken;
use chat_backend::tool_sources::egress::{Egress, EgressSettings};
use chat_backend::tool_sources::http::{HttpSource, Setup};
use chat_backend::tool_sources::openapi::OpenapiSource;
use reqwest::Url;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const KEY: &str = "hunter22-of-the-crm";

const TOKEN: &str = "the.callers.token";

/// The tools of a file, and what they may reach.
struct Tools {
    sources: Vec<Arc<dyn ToolSource>>,
    memory: Memory,
}

impl Tools {
    /// Reads a file in which `PORT` stands for the port of the endpoints.
    async fn new(text: &str) -> Self {
        let port = endpoints::start().await;
        let text = text.replace("PORT", &port.to_string());
        let text = format!("secrets = [\"KEY\"]\nallow_hosts = [\"localhost:{port}\"]\n{text}");
        let project = Project {
            url: format!("http://127.0.0.1:{port}"),
            public_url: String::new(),
            anon_key: "sb_publishable_x".into(),
            service_role_key: None,
            jwt_secret: None,
        };
        let memory = Memory::new(64 << 20);
        let supabase = Some(Url::parse(&project.url).unwrap());
        let settings = EgressSettings { supabase, ..EgressSettings::default() };
        let egress = Egress::new(settings, memory.clone(), Metrics::default()).unwrap();
        let sources = build(&text, Some(&project), &egress).unwrap();
        Self { sources, memory }
    }

    async fn listed(&self, name: &str, role: Option<&str>) -> Option<SourceTool> {
        let who = Who { credentials: credentials(), role: role.map(str::to_owned) };
        let source = self.sources.iter().find(|source| name.starts_with(source.label())).unwrap();
        source.list(&who).await.unwrap().into_iter().find(|tool| name.ends_with(&tool.name))
    }

    async fn call(&self, name: &str, arguments: Value) -> Outcome {
        let source = self.sources.iter().find(|source| name.starts_with(source.label())).unwrap();
        let context = ToolContext {
            credentials: credentials(),
            chat_id: None,
            message_id: None,
            idempotency_key: "message/call\n1".into(),
            cancellation: CancellationToken::new(),
            progress: Arc::new(|_| {}),
        };
        let tool = name.strip_prefix(&format!("{}_", source.label())).unwrap_or(name).to_owned();
        let outcome = source.call(&context, &SourceCall { tool, arguments }).await;
        assert_eq!(self.memory.held(), 0, "{name}");
        outcome
    }

    /// What the model reads of a call that went well.
    async fn output(&self, name: &str, arguments: Value) -> Value {
        match self.call(name, arguments).await {
            Outcome::Ok { output, .. } => output,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The sentence of a call that the endpoint refused, or that was not even made.
    async fn refusal(&self, name: &str, arguments: Value) -> String {
        match self.call(name, arguments).await {
            Outcome::Refused(sentence) | Outcome::Failed { sentence, may_have_happened: false } => {
                sentence
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The sentence of a call that failed, and whether something may have happened.
    async fn failure(&self, name: &str) -> (String, bool) {
        match self.call(name, json!({})).await {
            Outcome::Failed { sentence, may_have_happened } => (sentence, may_have_happened),
            other => panic!("{name}: {other:?}"),
        }
    }
}

fn credentials() -> Arc<Credentials> {
    Credentials::new(Uuid::from_u128(7), AccessToken::new(TOKEN), 0)
}

/// The sources of a file; `Err` is the line that the start would end with.
fn build(
    text: &str,
    project: Option<&Project>,
    egress: &Egress,
) -> Result<Vec<Arc<dyn ToolSource>>, String> {
    let variables = HashMap::from([("KEY".to_owned(), KEY.to_owned())]);
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures"));
    let file = FileConfig::parse(text, folder, &variables)?;
    let egress = egress.with_hosts(file.allow_hosts.clone());
    let setup = Setup {
        egress: &egress,
        project,
        secrets: &file.secrets,
        timeout: Duration::from_millis(300),
        max_result_bytes: 64 << 10,
        clock: &Clock::fixed(jiff::Timestamp::UNIX_EPOCH),
    };
    let sources = file.tools.iter().enumerate().map(|(index, entry)| {
        let source = match entry {
            ToolEntry::Http(entry) => {
                HttpSource::new(entry, &setup).map(|it| Arc::new(it) as Arc<dyn ToolSource>)
            }
            ToolEntry::Openapi(entry) => OpenapiSource::new(entry, Some(folder), &setup)
                .map(|it| Arc::new(it) as Arc<dyn ToolSource>),
            _ => unreachable!(),
        };
        source.map_err(|problem| format!("tools[{index}].{problem}"))
    });
    sources.collect()
}

/// A client that nothing is sent with.
fn idle_client() -> Egress {
    Egress::new(EgressSettings::default(), Memory::new(1 << 20), Metrics::default()).unwrap()
}

/// An entry of the file, as short as it can be.
fn entry(name: &str, method: &str, path: &str, more: &str) -> String {
    format!(
        "[[tools]]\nkind = \"http\"\nname = \"{name}\"\ndescription = \"Tries something.\"\n\
         method = \"{method}\"\nurl = \"http://localhost:PORT{path}\"\n{more}\n"
    )
}

const XYZ: &str = r#"parameters = { type = "object", properties = { x = { type = "string" }, y = { type = "integer" }, z = {} }, required = ["x"] }"#;

#[tokio::test]
async fn a_call_is_sent_as_the_file_says() {
    let plain = entry(
        "plain",
        "POST",
        "/echo/{x}?y={y}",
        &format!("{XYZ}\nheaders = {{ \"X-Version\" = \"1\" }}"),
    );
    let secret = entry(
        "secret",
        "GET",
        "/echo/a",
        "auth = { kind = \"secret\", header = \"Authorization\", value = \"Bearer ${KEY}\" }\nuser_header = true",
    );
    let body = entry("body", "PUT", "/echo/{x}?y={y}", &format!("{XYZ}\nbody = \"z\""));
    let user = entry("user", "DELETE", "/echo/a", "auth = { kind = \"user\" }");
    let function = "[[tools]]\nkind = \"http\"\nname = \"function\"\ndescription = \"Refunds.\"\nedge_function = \"refund\"\nparameters = { type = \"object\", properties = { id = { type = \"integer\" } } }\n";
    let tools = Tools::new(&[plain, secret, body, user, function.to_owned()].concat()).await;

    let sent = tools.output("plain", json!({ "x": "../../a?b", "y": 5, "z": [{}], "w": 1 })).await;
    assert_eq!(sent["method"], "POST");
    assert_eq!(sent["target"], "/echo/..%2F..%2Fa%3Fb?y=5");
    assert_eq!(sent["body"], json!({ "z": [{}], "w": 1 }));
    let headers = &sent["headers"];
    assert_eq!(headers["idempotency-key"], "message/call_1");
    assert_eq!(
        (&headers["x-version"], &headers["content-type"]),
        (&json!("1"), &json!("application/json"))
    );
    assert!(
        headers["authorization"].is_null()
            && headers["cookie"].is_null()
            && headers["apikey"].is_null()
    );

    let sent = tools.output("secret", json!({})).await;
    assert_eq!((&sent["method"], &sent["body"]), (&json!("GET"), &Value::Null));
    assert_eq!(
        sent["headers"]["authorization"], "Bearer •••",
        "it was sent, and taken out of the answer"
    );
    assert_eq!(sent["headers"]["x-chat-user"], Uuid::from_u128(7).to_string());

    let sent = tools.output("body", json!({ "x": "a", "z": [1] })).await;
    assert_eq!((&sent["target"], &sent["body"]), (&json!("/echo/a"), &json!([1])));

    let sent = tools.output("user", json!({})).await;
    assert_eq!(sent["headers"]["authorization"], "Bearer •••");
    assert!(sent["headers"]["apikey"].is_null(), "only for the project: {sent}");

    let sent = tools.output("function", json!({ "id": 5 })).await;
    assert_eq!(
        (&sent["method"], &sent["target"]),
        (&json!("POST"), &json!("/functions/v1/refund"))
    );
    assert_eq!(sent["body"], json!({ "id": 5 }));
    assert_eq!(sent["headers"]["authorization"], "Bearer •••");
    assert_eq!(sent["headers"]["apikey"], "sb_publishable_x");
}

#[tokio::test]
async fn what_the_model_reads_is_bounded_and_plain() {
    let get = |name: &str, more: &str| entry(name, "GET", &format!("/{name}"), more);
    let paths = [
        "html", "latin", "picture", "deep", "bomb", "endless", "long", "leak", "redirect",
        "silent", "short", "later", "busy",
    ];
    let limits = |name| match name {
        "long" => "max_response_bytes = 7",
        "busy" => "timeout_ms = 5000",
        _ => "",
    };
    let plain = paths.map(|name| get(name, limits(name)));
    let pick = get("items", "response = { pick = \"/data/items\" }");
    let nothing = entry("nothing", "GET", "/items", "response = { pick = \"/data/none\" }");
    let raw = entry("raw", "GET", "/echo/a", "response = \"text\"");
    let status = |code: u16| {
        entry(
            &format!("status{code}"),
            "POST",
            &format!("/status/{code}"),
            "auth = { kind = \"user\" }",
        )
    };
    let statuses = [204, 401, 422, 504].map(status).concat();
    let leak = entry(
        "tell",
        "POST",
        "/leak",
        "headers = { \"X-Key\" = \"${KEY}\" }\nauth = { kind = \"user\" }",
    );
    let text = [plain.concat(), pick, nothing, raw, statuses, leak].concat();
    let tools = Tools::new(&text).await;
    let none = || json!({});

    assert_eq!(tools.output("html", none()).await, "<script>1</script>");
    assert_eq!(tools.output("latin", none()).await, "caf\u{fffd}\u{fffd}");
    assert_eq!(tools.output("picture", none()).await, "[binary, 1.2 MB, image/png]");
    assert_eq!(tools.output("long", none()).await, "äöü\n[cut, 6.0 kB in all]");
    assert_eq!(tools.output("items", none()).await, json!([1, 2]));
    assert!(tools.refusal("nothing", none()).await.contains("nothing at /data/none"));
    assert!(tools.output("raw", none()).await.as_str().unwrap().starts_with("{\"method\""));
    assert_eq!(tools.output("deep", none()).await, "[".repeat(5_000));
    for endless in ["bomb", "endless"] {
        let output = tools.output(endless, none()).await;
        let text = output.as_str().unwrap();
        assert!(text.len() < 65_600 && text.ends_with("0\n[cut after 65.5 kB]"), "{endless}");
    }
    assert_eq!(tools.output("status204", none()).await, "[no content]");
    assert_eq!(
        tools.refusal("status422", none()).await,
        r#"{"error":{"status":422,"body":{"hint":"the date must be in the future"}}}"#
    );
    assert!(tools.refusal("status401", none()).await.starts_with("Sign-in needed"));
    let redirect = tools.refusal("redirect", none()).await;
    assert!(redirect.contains("302, a redirect") && !redirect.contains("169.254"), "{redirect}");
    let leaked = tools.refusal("tell", none()).await;
    assert!(leaked.contains("•••") && !leaked.contains(KEY) && !leaked.contains(TOKEN), "{leaked}");
    assert_eq!(tools.failure("silent").await, ("localhost did not answer in time.".into(), true));
    assert_eq!(tools.failure("short").await, ("localhost broke off.".into(), true));
    assert!(tools.failure("status504").await.1, "a gateway does not know");
    assert_eq!(
        tools.output("busy", none()).await,
        json!({ "asked": 2 }),
        "once more, after a pause"
    );
    assert!(tools.refusal("later", none()).await.contains(r#""status":429,"body":"later""#));
}
