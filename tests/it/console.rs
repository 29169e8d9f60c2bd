//! The page at `/console`. What it does in a browser is tested in `console/test`.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use crate::support::{Reply, TestApp, app, run};

#[tokio::test]
async fn its_policy_lets_it_run_its_own_script_and_call_supabase_and_nothing_else() {
    let app = app().await;
    let policy = app.get("/console").await.header("content-security-policy").to_owned();
    for directive in [
        "default-src 'none'".to_owned(),
        "script-src 'self'".to_owned(),
        "style-src 'self'".to_owned(),
        format!("connect-src 'self' {}", app.supabase_url),
    ] {
        assert!(policy.split("; ").any(|part| part == directive), "{directive}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn the_page_loads_only_what_is_beside_it_and_caches_it() {
    let app = app().await;
    let page = app.get("/console").await;
    let loaded = [" src=\"", "<link rel=\"stylesheet\" href=\""]
        .iter()
        .flat_map(|start| page.text.split(start).skip(1))
        .map(|rest| rest.split('"').next().unwrap());
    let loaded: Vec<_> = loaded.collect();
    assert_eq!(loaded, ["console/console.js", "console/console.css"]);
    for path in ["/console", "/console/console.js", "/console/console.css"] {
        let first = app.get(path).await;
        assert!(first.status == 200 && !first.text.is_empty(), "{path}");
        assert_eq!(first.header("cache-control"), "no-cache", "{path}");
        let again = app.http.get(format!("{}{path}", app.url));
        let again = Reply::send(again.header("if-none-match", first.header("etag"))).await;
        assert_eq!((again.status, again.text.len()), (304, 0), "{path}");
    }
    assert_eq!(app.get("/").await.text, page.text);
}

#[tokio::test]
async fn its_settings_are_what_a_browser_may_know() {
    let app = TestApp::with(&[("ALLOW_ANONYMOUS_USERS", "false")]).await;
    let config = app.get("/console/config.json").await.expect(200);
    let expected = json!({
        "supabase_url": app.supabase_url,
        "supabase_key": app.anon_key,
        "version": env!("CARGO_PKG_VERSION"),
        "anonymous_users": false,
        "assistants_only": false,
    });
    assert_eq!(config, expected);
}

#[test]
fn a_secret_key_never_becomes_the_pages() {
    let output = run(
        &[],
        &[
            ("SUPABASE_URL", "http://127.0.0.1:9"),
            ("SUPABASE_ANON_KEY", "sb_secret_x"),
            ("PORT", "0"),
        ],
    );
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(problem.contains("SUPABASE_ANON_KEY is the service key"), "{problem}");
    assert!(!problem.contains("sb_secret_x"), "{problem}");
}

/// As `digest` in `console/build.mjs` counts them.
#[test]
fn the_committed_page_was_built_from_its_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = sources(root, "console/src");
    paths.extend(sources(root, "npm/client/src"));
    paths.retain(|path| path != "npm/client/src/schema.ts");
    paths.sort();
    paths.push("console/package.json".into());
    let read = |path: &String| fs::read_to_string(root.join(path)).unwrap().replace('\r', "");
    let text: String = paths.iter().map(|path| format!("{path}\n{}", read(path))).collect();
    let digest = digest(&SHA256, text.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let page = fs::read_to_string(root.join("src/console/assets/console.js")).unwrap();
    assert!(page.contains(&digest), "run npm install and npm run build in console/");
}

fn sources(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() { found.extend(sources(root, &path)) } else { found.push(path) }
    }
    found
}
