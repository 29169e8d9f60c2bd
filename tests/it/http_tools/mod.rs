//! HTTP endpoints, Edge Functions and operations of OpenAPI documents as tools: what is sent, what the model
//! reads, and what endpoints cannot do.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat_backend::agent::Credentials;
use chat_backend::agent::tools::source::{
    Outcome, Policy, SourceCall, SourceTool, ToolContext, ToolSource, Who,
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

mod endpoints;

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

    /// The sentence of a call that the endpoint refused.
    async fn refusal(&self, name: &str, arguments: Value) -> String {
        match self.call(name, arguments).await {
            Outcome::Refused(sentence) => sentence,
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

#[tokio::test]
async fn a_policy_follows_from_the_method_unless_the_file_says_otherwise() {
    let get = entry(
        "read",
        "GET",
        "/echo/{x}",
        "parameters = { type = \"object\", properties = { x = {} }, required = [\"x\"] }\nroles = [\"staff\"]\nmax_response_bytes = 100",
    );
    let post = entry(
        "write",
        "POST",
        "/echo/a",
        "timeout_ms = 2000\nredact = [\"/card\"]\nedit = true\nrepeatable = true",
    );
    let always = entry("ask", "GET", "/echo/a", "approval = \"always\"");
    let unless = entry(
        "some",
        "POST",
        "/echo/a",
        &format!("{XYZ}\napproval = {{ unless = {{ properties = {{ y = {{ maximum = 5 }} }} }} }}"),
    );
    let tools = Tools::new(&[get, post, always, unless].concat()).await;

    assert_eq!(tools.listed("read", None).await, None, "only for a role");
    let read = tools.listed("read", Some("staff")).await.unwrap();
    assert_eq!((read.policy, read.reason, read.is_repeatable), (Policy::Never, None, true));
    assert_eq!((read.deadline, read.max_result_bytes), (Duration::from_millis(300), 100));
    let write = tools.listed("write", None).await.unwrap();
    assert_eq!((write.policy, write.may_remember, write.may_edit), (Policy::Always, true, true));
    assert_eq!(write.reason.as_deref(), Some("POST to localhost may change something."));
    assert_eq!((write.target.as_deref(), write.is_repeatable), (Some("localhost"), true));
    assert_eq!((write.deadline, write.redact), (Duration::from_secs(2), vec!["/card".to_owned()]));
    let ask = tools.listed("ask", None).await.unwrap();
    assert_eq!((ask.policy, ask.may_remember), (Policy::Always, false));
    let some = tools.listed("some", None).await.unwrap();
    assert_eq!(some.policy, Policy::Unless(json!({ "properties": { "y": { "maximum": 5 } } })));
}

#[test]
fn a_mistake_in_the_file_is_one_line_that_names_the_place() {
    let x = "parameters = { type = \"object\", properties = { x = {} } }";
    let with = |more: &str| {
        entry("a", "POST", "", more).replace("http://localhost:PORT", "https://a.example")
    };
    let url = |url: &str| entry("a", "POST", "", "").replace("http://localhost:PORT", url);
    let egress = idle_client();
    let mut wrong = Vec::new();
    for (text, expected) in [
        (with("colour = 1"), "tools[0].colour: unknown field `colour`"),
        (with("timeout_ms = \"1\""), "tools[0].timeout_ms: invalid type: string"),
        (with("timeout_ms = 5"), "tools[0].timeout_ms: must be 1000 to 120000"),
        (with("max_response_bytes = 9999999"), "tools[0].max_response_bytes: must be 1 to 1048576"),
        (
            with("method = \"HEAD\"").replacen("method = \"POST\"\n", "", 1),
            "tools[0].method: unknown variant `HEAD`",
        ),
        (with("approval = \"sometimes\""), "tools[0].approval: unknown variant `sometimes`"),
        (with("approval = { unless = 5 }"), "tools[0].approval.unless: must be a JSON Schema"),
        (
            with("approval = { unless = { properties = { a = { pattern = \"b\" } } } }"),
            "tools[0].approval.unless: has keywords that are not checked",
        ),
        (with("headers = { Host = \"b\" }"), "tools[0].headers.Host: `host` cannot be set"),
        (
            with("headers = { X-Forwarded-For = \"b\" }"),
            "tools[0].headers.X-Forwarded-For: `x-forwarded-for` cannot",
        ),
        (
            with("headers = { \"a b\" = \"b\" }"),
            "tools[0].headers.a b: `a b` is not a header's name",
        ),
        (
            with("headers = { A = \"b\\r\\nHost: c\" }"),
            "tools[0].headers.A: its value must be one line",
        ),
        (
            with("headers = { A = \"${MISSING}\" }"),
            "tools[0].headers.A: ${MISSING} is not in `secrets`",
        ),
        (
            with("auth = { kind = \"secret\", header = \"Cookie\", value = \"x\" }"),
            "tools[0].auth.header: `cookie` cannot",
        ),
        (
            with("auth = { kind = \"secret\", header = \"A\" }"),
            "tools[0].auth: missing field `value`",
        ),
        (with("auth = { kind = \"magic\" }"), "tools[0].auth.kind: unknown variant `magic`"),
        (
            with("auth = { kind = \"user\" }\nheaders = { Authorization = \"x\" }"),
            "tools[0].headers.Authorization: with auth.kind",
        ),
        (with("user_header = true"), "tools[0].user_header: needs auth.kind \"secret\""),
        (
            with("response = { pick = \"data\" }"),
            "tools[0].response.pick[0]: `data` is not a JSON Pointer",
        ),
        (with("redact = [\"/a\", \"b\"]"), "tools[0].redact[1]: `b` is not a JSON Pointer"),
        (
            with("parameters = { type = \"array\" }"),
            "tools[0].parameters: must be the JSON Schema of an object",
        ),
        (
            with("parameters = { properties = { a = { \"$ref\" = \"https://b.example\" } } }"),
            "tools[0].parameters/properties/a/$ref: must be",
        ),
        (with("body = \"x\""), "tools[0].body: `x` is not in parameters.properties"),
        (with("edge_function = \"../x\""), "tools[0].edge_function: `../x` must be letters"),
        (
            with("").replace("Tries something.", ""),
            "tools[0].description: must say what the tool does",
        ),
        (
            with("").replace("Tries", "\u{202e}"),
            "tools[0].description: must have no control characters",
        ),
        (
            with("").replace("Tries", &"x".repeat(1_025)),
            "tools[0].description: has 1036 characters",
        ),
        (with("").replace("\"a\"", "\"a-b\""), "tools[0].name: `a-b` must be a letter"),
        (
            url("http://a.example"),
            "tools[0].url: a.example is reached by http://, which is only for hosts in allow_hosts",
        ),
        (url("https://10.0.0.1"), "tools[0].url: 10.0.0.1 has a private address"),
        (
            url("https://2852039166"),
            "tools[0].url: 169.254.169.254 has an address that tools never reach",
        ),
        (
            url("https://{x}.example"),
            "tools[0].url: only the path and the query may have {arguments}",
        ),
        (url("https://u:p@a.example"), "tools[0].url: Only https:// addresses without a user name"),
        (url("https://a.example/{x}"), "tools[0].url: `x` is not in parameters.properties"),
        (url("https://a.example/{x}") + x, "tools[0].parameters.required: must have `x`"),
        (
            url("https://a.example").replace("POST", "GET") + x,
            "tools[0].parameters.properties.x: has no place",
        ),
        (url("").replace("url = \"\"\n", ""), "tools[0].url: is missing"),
    ] {
        let built = build(&text, None, &egress);
        let problem = built.err().unwrap_or_default();
        if !problem.starts_with(expected) || problem.contains('\n') {
            wrong.push(format!("{expected}\n{problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Operations of the fixture's document, asked at the endpoints.
fn shop(operations: &str, more: &str) -> String {
    format!(
        "[[tools]]\nkind = \"openapi\"\nname = \"shop\"\ndocument = \"shop.openapi.json\"\noperations = {operations}\n{more}\n"
    )
}

#[tokio::test]
async fn operations_of_a_document_are_tools() {
    let operations = r#"["orders.get", "replaceOrder", "patchOrder"]"#;
    let tools = Tools::new(&shop(operations, "url = \"http://localhost:PORT\"")).await;

    let get = tools.listed("shop_orders.get", None).await.unwrap();
    assert_eq!((get.policy, get.is_repeatable), (Policy::Never, true));
    assert_eq!((get.title.as_deref(), &*get.description), (Some("An order"), "Reads one order."));
    assert_eq!(
        get.parameters,
        json!({
            "type": "object",
            "properties": {
                "fields": { "type": "array", "items": { "type": "string" }, "description": "Of the operation." },
                "filter_state_": { "enum": ["open", "paid"] },
                "X-Trace": { "type": "string" },
                "order-id": { "type": "integer", "format": "int64", "minimum": 1 },
            },
            "required": ["order-id"],
        })
    );
    let arguments =
        json!({ "order-id": 5, "fields": ["a", "b,c"], "filter_state_": "open", "X-Trace": "t" });
    let sent = tools.output("shop_orders.get", arguments).await;
    assert_eq!(sent["target"], "/echo/orders/5?fields=a,b%2Cc&filter%5Bstate%5D=open");
    assert_eq!((&sent["headers"]["x-trace"], &sent["body"]), (&json!("t"), &Value::Null));
    let forged = json!({ "order-id": 5, "X-Trace": "a\r\nHost: b" });
    assert!(tools.refusal("shop_orders.get", forged).await.contains("/X-Trace must be one line"));

    let put = tools.listed("shop_replaceOrder", None).await.unwrap();
    assert_eq!((put.policy, put.is_repeatable), (Policy::Always, false));
    assert_eq!(put.description, "PUT /echo/orders/{order-id}");
    assert_eq!(put.parameters["required"], json!(["order-id", "lines"]));
    let line = &put.parameters["properties"]["lines"]["items"];
    assert_eq!(line["properties"]["sku"]["type"], json!(["string", "null"]));
    assert_eq!(line["properties"]["parts"]["items"], json!({}), "what contains itself ends");
    let sent = tools.output("shop_replaceOrder", json!({ "order-id": 5, "lines": [] })).await;
    assert_eq!((&sent["method"], &sent["body"]), (&json!("PUT"), &json!({ "lines": [] })));

    let sent = tools.output("shop_patchOrder", json!({ "order-id": 5, "body": [1] })).await;
    assert_eq!(sent["headers"]["content-type"], "application/merge-patch+json");
    assert_eq!(sent["body"], json!([1]));
}

#[test]
fn a_document_that_cannot_be_tools_is_refused_at_the_start() {
    let egress = idle_client();
    let other = |document: &str| shop("[\"far\"]", "").replace("shop.openapi.json", document);
    for (text, expected) in [
        (shop("[\"orders.get\"]", ""), ""),
        (shop("[\"orders.get\"]", "url = \"/v1\""), "tools[0].url: is missing"),
        (
            shop("[\"orders.get\"]", "url = \"http://10.0.0.1\""),
            "tools[0].url: 10.0.0.1 is reached by http://",
        ),
        (shop("[]", ""), "tools[0].operations: must name 1 to 64"),
        (
            shop("[\"orders.get\", \"getOrder\"]", ""),
            "tools[0].operations[1]: `getOrder` is no operationId of the document, which has orders.get, replaceOrder",
        ),
        (shop("[\"upload\"]", ""), "tools[0].operations[0]: upload needs a body that is not JSON"),
        (
            shop("[\"far\"]", ""),
            "tools[0].operations[0]: far has arguments that cannot be given to models: /properties/x/$ref: must be a reference within",
        ),
        (shop("[\"session\"]", ""), "tools[0].operations[0]: session needs `sid` in the cookie"),
        (other("none.json"), "tools[0].document: "),
        (other("openai-sdk.json"), "tools[0].document: "),
        (other("zeros.gz"), "tools[0].document: "),
    ] {
        let problem = build(&text, None, &egress).err().unwrap_or_default();
        let is_it = problem.starts_with(expected) && problem.is_empty() == expected.is_empty();
        assert!(is_it && !problem.contains('\n'), "{problem}\n{expected}");
    }
}

#[test]
fn the_schema_of_the_file_knows_the_example_and_its_mistakes() {
    let schema = chat_backend::config::file::schema::schema();
    let example = include_str!("../../../examples/chat-backend.toml");
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    assert!(FileConfig::parse(example, folder, &HashMap::new()).is_ok());
    let fits = |text: &str| {
        let file: Value = toml::from_str(text).unwrap();
        chat_backend::agent::tools::fits_foreign(&schema, &file)
    };
    assert_eq!(fits(example), Ok(()));
    for (right, wrong) in [
        ("allow_hosts", "allowed_hosts"),
        ("kind = \"http\"", "kind = \"soap\""),
        ("name = \"find_order\"", "nam = \"find_order\""),
        ("method = \"GET\"", "method = \"HEAD\""),
        ("default = true", "default = \"yes\""),
        ("approval = \"always\"", "approval = \"sometimes\""),
        ("timeout_ms = 10000", "timeout_ms = 10"),
    ] {
        assert!(example.contains(right), "{right}");
        let wrong = example.replacen(right, wrong, 1);
        assert!(fits(&wrong).is_err(), "{right}");
    }
}
