//! `MIGRATIONS_DIR` and `reset-local`: a front end's own tables, by the example of the README.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Program, TestApp, run, skipped_on_a_real_supabase};

/// A project of the Supabase CLI with the migration of the README.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("chat-backend-test-{}", Uuid::new_v4()));
        fs::create_dir_all(folder.join("migrations")).unwrap();
        let folder = Self(folder);
        folder.write(&example());
        folder
    }

    fn write(&self, sql: &str) {
        fs::write(self.0.join("migrations/20261201000000_todos.sql"), sql).unwrap();
    }

    fn configure(&self, toml: &str) {
        fs::write(self.0.join("config.toml"), toml).unwrap();
    }

    /// Of the migrations.
    fn path(&self) -> String {
        self.0.join("migrations").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The SQL below "Your own tables".
fn example() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let section = readme.split("## Your own tables").nth(1).unwrap();
    let sql = section.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    sql.to_owned()
}

#[tokio::test]
async fn the_example_works_and_keeps_users_apart() {
    if skipped_on_a_real_supabase("a front end's migrations are for the local one") {
        return;
    }
    let folder = Folder::new();
    let app = TestApp::with(&[("MIGRATIONS_DIR", &folder.path())]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let todo = Some(json!({ "title": "Buy milk" }));
    ann.rest(Method::POST, "/todos", todo.clone()).await.expect(201);
    let read = ann.rest(Method::GET, "/todos?select=id,title,is_done", None).await.expect(200);
    assert_eq!(read, json!([{ "id": 1, "title": "Buy milk", "is_done": false }]));
    assert_eq!(bob.rest(Method::GET, "/todos", None).await.expect(200), json!([]));
    let empty = Some(json!({ "title": "" }));
    ann.rest(Method::POST, "/todos", empty).await.expect(400);
    let stolen = Some(json!({ "title": "x", "user_id": ann.id }));
    bob.rest(Method::POST, "/todos", stolen).await.expect(403);
    ann.create_chat("Ours works as before").await;
}

#[tokio::test]
async fn tables_without_grants_are_closed_unless_config_toml_exposes_them() {
    if skipped_on_a_real_supabase("a front end's migrations are for the local one") {
        return;
    }
    let folder = Folder::new();
    let example = example();
    let (without_grants, grants) = example.split_once("grant ").unwrap();
    assert_eq!(grants.lines().count(), 1, "it ends with its grants");
    folder.write(without_grants);
    let path = folder.path();
    let settings = [("MIGRATIONS_DIR", path.as_str())];
    for (config, expected) in [("", 403), ("[api]\nauto_expose_new_tables = true", 200)] {
        folder.configure(config);
        let app = TestApp::with(&settings).await;
        let read = app.user("ann").await.rest(Method::GET, "/todos", None).await;
        let body = read.expect(expected);
        assert_eq!(body["code"] == "42501", expected == 403, "{body}");
    }
    folder.configure("[api");
    let refused = run(&[], &[settings[0], ("PORT", "0"), ("LOCAL_SUPABASE_ADDR", "127.0.0.1:0")]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        message.contains("MIGRATIONS_DIR: ") && message.contains("config.toml:1: "),
        "{message}"
    );
}

fn reset(data_dir: &str) -> Output {
    run(&["reset-local", "--yes"], &[("DATA_DIR", data_dir)])
}

/// The same folder, with and without what was applied to it.
#[test]
fn a_changed_file_is_refused_until_a_reset() {
    let (folder, data) = (Folder::new(), Folder::new());
    let data_dir = data.0.join("data").display().to_string();
    let path = folder.path();
    let settings = [("MIGRATIONS_DIR", path.as_str()), ("DATA_DIR", &data_dir)];
    drop(Program::start(&settings));
    folder.write(&format!("{}\ncreate table public.more (id int primary key);", example()));
    let listening = [("PORT", "0"), ("LOCAL_SUPABASE_ADDR", "127.0.0.1:0")];
    let refused = run(&[], &[settings, listening].concat());
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("20261201000000_todos.sql was applied to"), "{message}");
    assert!(
        message.contains("has changed since") && message.contains("chat-backend reset-local"),
        "{message}"
    );
    assert!(reset(&data_dir).status.success());
    drop(Program::start(&settings));
}

#[test]
fn a_project_elsewhere_ignores_it() {
    let refused =
        run(&["reset-local", "--yes"], &[("SUPABASE_URL", "http://x"), ("SUPABASE_ANON_KEY", "k")]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("reset-local is for the local Supabase alone"), "{message}");
}
