//! What the configuration file may say.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use chat_backend::agent::tools::source::Policy;
use chat_backend::config::FileConfig;
use serde_json::{Value, json};

use super::{Tools, XYZ, build, entry, idle_client};

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
