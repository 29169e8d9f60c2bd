//! Front-end projects on PostgreSQL and on the local Supabase: the same migrations and the same
//! requests, which are files in `fixtures/projects`, answered alike.

use std::fs;
use std::path::{Path, PathBuf};

use clock::Clock;
use local_supabase::migrations::Migration;
use local_supabase::{LocalSupabase, Options, PASSWORD_KIB_LEAST, Project};
use memory::Memory;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::bare_database;
use super::json as json_text;
use super::postgrest::{Postgrest, QUIETLY};
use crate::support::{Reply, skipped_on_a_real_supabase};

/// A request of `requests.txt`.
struct Asked {
    line: usize,
    who: String,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn folder(project: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/projects").join(project)
}

/// The migrations, in order: name and SQL.
fn migrations(project: &str) -> Vec<(String, String)> {
    let folder = folder(project).join("migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// Whether its `config.toml` opens new tables by themselves.
fn exposes(project: &str) -> bool {
    let config = fs::read_to_string(folder(project).join("config.toml")).unwrap_or_default();
    config.lines().any(|line| line == "auto_expose_new_tables = true")
}

/// What a project has that opens new tables by themselves.
const EXPOSING: &str = "
    alter default privileges in schema public
      grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public
      grant all on functions to anon, authenticated, service_role;
    alter default privileges in schema public
      grant all on sequences to anon, authenticated, service_role;";

/// `alice GET /table`, and indented below it headers and the body.
fn requests(project: &str) -> Vec<Asked> {
    let text = fs::read_to_string(folder(project).join("requests.txt")).unwrap();
    let mut requests: Vec<Asked> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(more) = line.strip_prefix("    ") {
            requests.last_mut().unwrap().add(more);
        } else if !line.is_empty() && !line.starts_with('#') {
            requests.push(Asked::new(number + 1, line));
        }
    }
    requests
}

impl Asked {
    fn new(line: usize, text: &str) -> Self {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().unwrap().to_owned();
        let (who, method, path) = (word(), word(), word());
        let method = method.parse().unwrap();
        Self { line, who, method, path, headers: Vec::new(), body: String::new() }
    }

    fn add(&mut self, more: &str) {
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        match more.split_once(": ").filter(|(name, _)| self.body.is_empty() && is_name(name)) {
            Some((name, value)) => self.headers.push((name.to_owned(), value.to_owned())),
            None => {
                let separator = if self.body.is_empty() { "" } else { "\n" };
                self.body += &format!("{separator}{more}");
            }
        }
    }
}

/// Who asks, on both sides under the same ids.
struct Callers {
    service_key: String,
    publishable_key: String,
    /// Names, ids and tokens.
    users: Vec<(&'static str, String, String)>,
}

impl Callers {
    /// Signs three users up, of whom the last does not say who they are.
    async fn sign_up(http: &reqwest::Client, local: &Local) -> Self {
        let Local { url, service_key, publishable_key: key, .. } = local;
        let mut users = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let body = match name {
                "carol" => json!({}),
                _ => json!({ "email": format!("{name}@example.com"), "password": "correct horse" }),
            };
            let request = http.post(format!("{url}/auth/v1/signup")).header("apikey", *key);
            let session = Reply::send(request.json(&body)).await.expect(200);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            users.push((name, text(&session["user"]["id"]), text(&session["access_token"])));
        }
        let (service_key, publishable_key) = (service_key.clone(), (*key).to_owned());
        Self { service_key, publishable_key, users }
    }

    fn token(&self, who: &str) -> &str {
        let user = self.users.iter().find(|(name, _, _)| *name == who);
        match (who, user) {
            (_, Some((_, _, token))) => token,
            ("service", _) => &self.service_key,
            ("anon", _) => &self.publishable_key,
            _ => panic!("nobody is called {who}"),
        }
    }

    /// `$alice` stands for her id.
    fn with_ids(&self, text: &str) -> String {
        self.users
            .iter()
            .fold(text.to_owned(), |text, (name, id, _)| text.replace(&format!("${name}"), id))
    }

    fn without_ids(&self, text: &str) -> String {
        self.users
            .iter()
            .fold(text.to_owned(), |text, (name, id, _)| text.replace(id, &format!("${name}")))
    }

    async fn ask(&self, http: &reqwest::Client, url: &str, asked: &Asked) -> String {
        let url = format!("{url}/rest/v1{}", self.with_ids(&asked.path));
        let mut request = http.request(asked.method.clone(), url).header(QUIETLY, "yes");
        request = request.header("apikey", &self.publishable_key);
        request = request.bearer_auth(self.token(&asked.who));
        if !asked.body.is_empty() && !asked.headers.iter().any(|(name, _)| name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        let mut reply = Reply::send(request.body(self.with_ids(&asked.body))).await;
        reply.text = self.without_ids(&reply.text);
        self.without_ids(&shown(&reply))
    }
}

/// A reply as a text that is equal where replies are.
fn shown(reply: &Reply) -> String {
    let mut text = reply.status.to_string();
    for name in ["content-range", "location"] {
        if reply.headers.contains_key(name) {
            text += &format!(" {name}: {}", reply.header(name));
        }
    }
    let body = match reply.status {
        200..=299 => json_text::canonical(&reply.text),
        _ => error(&reply.json()),
    };
    format!("{text}\n{body}")
}

/// An error without what need not be alike: suggestions of names, which come from a search that the
/// local Supabase only resembles, and where in a text JSON is wrong.
fn error(body: &Value) -> String {
    let code = body["code"].as_str().unwrap_or_default();
    let is_suggestion = ["PGRST200", "PGRST202", "PGRST205"].contains(&code);
    let hint = if is_suggestion { &Value::Null } else { &body["hint"] };
    let is_json = body["message"] == "invalid input syntax for type json";
    let details = match &body["details"] {
        Value::String(_) if is_json => Value::Null,
        Value::String(details) => without_chance(details).into(),
        other => other.clone(),
    };
    format!("{code} {}\n  {details}\n  {hint}", body["message"])
}

/// A row without its number, of which PostgreSQL also counts those that it refused, and without times.
fn without_chance(details: &str) -> String {
    let Some(row) = details.strip_prefix("Failing row contains (") else {
        return details.to_owned();
    };
    let plain = |(at, value): (usize, &str)| match value {
        number if at == 0 && number.parse::<u32>().is_ok() => "(number)".to_owned(),
        time if time.starts_with("20") && time.contains("+00") && time > "2026" => {
            "(now)".to_owned()
        }
        other => other.to_owned(),
    };
    row.split(", ").enumerate().map(plain).collect::<Vec<_>>().join(", ")
}

/// A project on the local Supabase, alone.
struct Local {
    url: String,
    service_key: String,
    publishable_key: &'static str,
    folder: PathBuf,
}

impl Local {
    async fn start(project: &str) -> Self {
        let migrations = migrations(project).into_iter();
        let migrations = migrations.map(|(file, sql)| Migration::new(file, sql)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options = Options {
            public_url: url.clone(),
            allow_anonymous_users: true,
            max_user_bytes: 1 << 30,
            migrations: Some(migrations),
            auto_expose_new_tables: exposes(project),
            max_object_bytes: 50 << 20,
            password_kib: PASSWORD_KIB_LEAST,
            clock: Clock::System,
            memory: Memory::new(256 << 20),
        };
        let folder = std::env::temp_dir().join(format!("chat-projects-{}", Uuid::new_v4()));
        let supabase = LocalSupabase::open(&folder, NOTHING, options).unwrap();
        let notices = supabase.notices().iter().map(ToString::to_string);
        let unavailable: Vec<_> =
            notices.filter(|text| text.contains("the table is not")).collect();
        assert_eq!(unavailable, [""; 0], "{project}");
        let service_key = supabase.service_key().expose_secret().to_owned();
        let publishable_key = supabase.publishable_key();
        let router = supabase.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, service_key, publishable_key, folder }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A project without tables, functions and buckets of its own.
const NOTHING: Project = Project {
    migrations: &[],
    registrations: &[],
    legacy: &[],
    check_user: None,
    functions: &[],
    buckets: &[],
};

/// Asks both the same and collects what they answer differently.
async fn compare(project: &str) {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let Some(db) = bare_database().await else { return };
    let owner = db.as_owner().await;
    if exposes(project) {
        owner.batch_execute(EXPOSING).await.unwrap();
    }
    for (name, sql) in migrations(project) {
        let applied = owner.batch_execute(&sql).await;
        applied.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let local = Local::start(project).await;
    let postgrest = Postgrest::start(db, &local.url, &local.service_key).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let callers = Callers::sign_up(&http, &local).await;
    for (name, id, _) in &callers.users {
        postgrest.db().add_user(id, name).await;
    }
    let (mut taken, mut refused, mut different) = (0, 0, Vec::new());
    for asked in requests(project) {
        let real = callers.ask(&http, &postgrest.url, &asked).await;
        let here = callers.ask(&http, &local.url, &asked).await;
        *if real.starts_with('2') { &mut taken } else { &mut refused } += 1;
        if here != real {
            let Asked { line, who, method, path, .. } = &asked;
            different.push(format!(
                "{line}: {who} {method} {path}\n{}\nPostgreSQL: {real}\nhere: {here}\n",
                asked.body
            ));
        }
    }
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n"));
    assert!(taken > 50 && refused > 30, "{taken} requests were taken and {refused} refused");
}

#[tokio::test]
async fn teams_and_their_todos() {
    compare("teams").await;
}

#[tokio::test]
async fn a_journal() {
    compare("journal").await;
}

#[tokio::test]
async fn values_of_all_types() {
    compare("types").await;
}
