//! The OpenAPI document, its pages, and what operators probe.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use chat_backend::router;
use reqwest::Method;
use serde_json::Value;

use crate::support::{Reply, TestApp, app};

fn document() -> Value {
    router::document()
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (path.clone(), method.clone(), operation))
        })
        .collect()
}

#[test]
fn the_committed_copy_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let current = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let update =
        "run UPDATE_OPENAPI=1 cargo test --test it docs::the_committed and look at the change";
    assert!(committed == current, "{update}");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let mut names: Vec<_> = operations(&document)
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 20, "{names:?}");
}

/// A handler that is described but in no route table would be missing without a sound.
#[test]
fn every_described_handler_is_routed() {
    let document = document();
    let is_routed = |name: &str| {
        operations(&document).iter().any(|(_, _, operation)| operation["operationId"] == name)
    };
    let described: Vec<_> = sources()
        .iter()
        .flat_map(|(_, text)| text.split("operation_id = \"").skip(1))
        .map(identifier)
        .collect();
    assert!(described.len() >= 20, "{described:?}");
    for name in described {
        assert!(is_routed(&name), "{name} is not in src/router.rs");
    }
}

/// The files and folders that the guides name, as a whole path or as the end of one.
#[test]
fn the_paths_that_the_guides_name_exist() {
    let mut paths = Vec::new();
    let mut folders: Vec<String> =
        ["src", "crates", "tests", "benches", "supabase", ".ci"].map(str::to_owned).into();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    folders.iter().for_each(|folder| paths.push(format!("/{folder}")));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap().map(Result::unwrap) {
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            paths.push(format!("/{path}"));
            if entry.path().is_dir() {
                folders.push(path);
            }
        }
    }
    for guide in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(guide)).unwrap();
        let named = named_paths(&text);
        assert!(named.len() > 15, "{guide}: {named:?}");
        for name in named {
            let end = format!("/{}", name.trim_end_matches('/'));
            let exists = root.join(name).exists() || paths.iter().any(|path| path.ends_with(&end));
            assert!(exists, "{guide} names {name}, which is not there");
        }
    }
}

#[test]
fn paths_are_told_from_other_words() {
    let text =
        "The file `a/b.rs`, (see c/) and crates/d; not `/api/x/`, e/f, `g/<name>.rs` or g.h.";
    assert_eq!(named_paths(text), ["a/b.rs", "c/", "crates/d"]);
}

fn named_paths(text: &str) -> Vec<&str> {
    const ENDS: [&str; 8] = ["/", ".rs", ".sql", ".json", ".md", ".toml", ".sh", ".example"];
    let is_outside = |c: char| c.is_whitespace() || "`,;()|".contains(c);
    let words = text.split(is_outside).map(|word| word.trim_end_matches(['.', ':']));
    words
        .filter(|word| word.len() > 1 && !word.starts_with('/'))
        .filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c)))
        .filter(|word| {
            let is_whole = ["src/", "crates/", "tests/"].iter().any(|it| word.starts_with(it));
            is_whole || ENDS.iter().any(|end| word.ends_with(end))
        })
        .collect()
}

/// Generators of clients take an object of which nothing is said for one without fields.
#[test]
fn no_object_is_closed_by_accident() {
    fn closed(value: &Value, path: &str, found: &mut Vec<String>) {
        let types = value["type"].to_string();
        let says = |name: &str| value.get(name).is_some();
        if types.contains("\"object\"") && !says("properties") && !says("additionalProperties") {
            found.push(path.to_owned());
        }
        let fields = value.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, _)| *name != "example" && *name != "examples");
        fields.for_each(|(name, value)| closed(value, &format!("{path}/{name}"), found));
        let items = value.as_array().into_iter().flatten();
        items.for_each(|value| closed(value, path, found));
    }
    let mut found = Vec::new();
    closed(&document(), "", &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.push(reference.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// utoipa keeps one schema per name: of two types that claim the same one, all routes would show the
/// same.
#[test]
fn every_component_is_one_type() {
    let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        for name in component_names(&text) {
            claims.entry(name).or_default().push(path.clone());
        }
    }
    let schemas = document()["components"]["schemas"].clone();
    for name in schemas.as_object().unwrap().keys() {
        assert!(
            claims.contains_key(name),
            "{name} is a component, but no type of that name was found"
        );
    }
    claims.retain(|_, paths| paths.len() > 1);
    assert!(claims.is_empty(), "rename, or add #[schema(as = …)]: {claims:#?}");
}

#[test]
fn component_names_are_found() {
    let text = "#[derive(Debug, ToSchema)]\n#[schema(example = \"[1]\")]\npub struct One {}\n\
                #[derive(\n    Clone,\n    ToSchema,\n)]\n#[schema(as = Other)]\npub(super) enum Two {}\n\
                #[derive(Clone)]\npub struct Three;\n";
    assert_eq!(component_names(text), ["One", "Other"]);
}

/// The names that a file's types claim among the components.
fn component_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, rest) in text.match_indices("#[derive(").map(|(at, _)| text.split_at(at)) {
        let Some((derives, rest)) = rest.split_once(")]") else { continue };
        let Some((attributes, item)) = first_item(rest) else { continue };
        if derives.contains("ToSchema") {
            let renamed = attributes.split_once("schema(as = ").map(|(_, name)| name);
            names.push(identifier(renamed.unwrap_or(item)));
        }
    }
    names
}

/// What precedes the name of the next type, and what begins with it.
fn first_item(text: &str) -> Option<(&str, &str)> {
    let keyword = ["struct ", "enum "].into_iter();
    let places = keyword.filter_map(|word| text.find(word).map(|at| (at, at + word.len())));
    places.min().map(|(at, name)| (&text[..at], &text[name..]))
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// All source files of the workspace that may describe schemas.
fn sources() -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates"));
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => {
                    files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
                }
                _ => {}
            }
        }
    }
    files
}

const SCHEMA: &str = "/api/tools/schema.json";
const CLIENT: &str = "/api/tools/oauth/client.json";
const CALLBACK: &str = "/api/tools/oauth/{label}/callback";

fn needs_token(path: &str) -> bool {
    let is_public = [SCHEMA, CALLBACK, CLIENT].contains(&path);
    (path.starts_with("/api/") && !is_public) || path.starts_with("/v1/")
}

#[test]
fn api_routes_need_a_token_and_say_what_can_go_wrong() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        if needs_token(&path) {
            assert!(operation.get("security").is_none(), "{method} {path}");
            for status in ["401", "429", "500", "502", "503", "504"] {
                assert!(responses.contains_key(status), "{method} {path} {status}");
            }
        } else {
            assert_eq!(operation["security"].to_string(), "[{}]", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_documented_route_is_there() {
    let app = app().await;
    for (path, method, _) in operations(&document()) {
        let method: Method = method.to_uppercase().parse().unwrap();
        let path = path.replace("{chat_id}", "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b");
        let path = path.replace("{message_id}", "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b");
        let reply =
            Reply::send(app.http.request(method.clone(), format!("{}{path}", app.url))).await;
        let expected = match &*path {
            // What it was given by the authorization server is missing.
            CALLBACK => 422,
            // Nobody signs in anywhere here.
            CLIENT => 404,
            path if needs_token(path) => 401,
            _ => 200,
        };
        assert_eq!(reply.status, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn the_pages_need_nothing_from_elsewhere() {
    let app = app().await;
    for path in ["/console", "/docs/", "/redoc"] {
        let reply = app.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").starts_with("text/html"), "{path}");
        for tag in ["<script src=\"http", "<link href=\"http", "@import", "cdn.redoc.ly"] {
            assert!(!reply.text.contains(tag), "{path} loads {tag}");
        }
    }
    assert_eq!(app.get("/openapi.json").await.expect(200), document());
    for asset in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(app.get(&format!("/docs/{asset}")).await.status, 200, "{asset}");
    }
}

#[tokio::test]
async fn health_tells_of_supabase_and_providers() {
    let app = TestApp::with(&[("OPENAI_API_KEY", "sk-test")]).await;
    let health = app.get("/health").await.expect(200);
    assert_eq!(health["status"], "ok");
    assert_eq!(health["checks"]["supabase"]["status"], "ok");
    assert_eq!(health["checks"]["openai"]["status"], "configured");
    assert_eq!(health["checks"]["anthropic"]["status"], "not_configured");
    app.get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_server_that_is_being_stopped_is_alive_but_not_ready() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    app.shut_down().await;
    assert_eq!(app.get("/health/ready").await.problem(503), "shutting_down");
    app.get("/health/live").await.expect(200);
    assert_eq!(app.get("/health").await.expect(200)["status"], "degraded");
    let refused = alice.generate(&chat, serde_json::json!({ "content": "Hello" })).await;
    assert_ne!(refused.header("retry-after"), "");
    assert_eq!(refused.problem(503), "shutting_down");
    assert_eq!(alice.messages(&chat).await.len(), 0);
}
