//! What the tests share: a server in a folder of its own, calls to it, and what they answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::{LocalSupabase, Options, Project};

#[path = "../examples/notes/mod.rs"]
pub(super) mod notes;

use clock::Clock;
use memory::Memory;

pub(super) const EMAIL: &str = "al@example.com";
pub(super) const PASSWORD: &str = "secret123";

const NOW: &str = "2026-11-22T19:53:31.913Z";

/// A local Supabase whose clock stands still and whose folder goes when it goes.
pub(super) struct Server {
    pub(super) supabase: LocalSupabase,
    pub(super) clock: Clock,
    folder: Folder,
}

pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("local-supabase-{}", Uuid::new_v4())))
    }

    pub(super) fn open(&self, clock: Clock) -> Result<LocalSupabase, super::OpenError> {
        open(&self.0, notes::PROJECT, clock)
    }

    pub(super) fn open_as(
        &self,
        project: Project,
        clock: Clock,
    ) -> Result<LocalSupabase, super::OpenError> {
        open(&self.0, project, clock)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(folder: &Path, project: Project, clock: Clock) -> Result<LocalSupabase, super::OpenError> {
    let public_url = "http://127.0.0.1:54321".to_owned();
    let options = Options {
        public_url,
        allow_anonymous_users: true,
        max_user_bytes: 1 << 20,
        migrations: None,
        auto_expose_new_tables: false,
        max_object_bytes: 4 << 20,
        password_kib: crate::passwords::PASSWORD_KIB_LEAST,
        clock,
        memory: Memory::new(256 << 20),
    };
    LocalSupabase::open(folder, project, options)
}

impl Server {
    pub(super) fn start() -> Self {
        Self::on(Folder::new())
    }

    /// A server on a folder that may hold something.
    pub(super) fn on(folder: Folder) -> Self {
        let clock = Clock::fixed(NOW.parse::<Timestamp>().unwrap());
        Self { supabase: folder.open(clock.clone()).unwrap(), clock, folder }
    }

    /// Its data folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Stops the server and starts another one on the same folder.
    pub(super) fn restart(self) -> Self {
        let Self { supabase, clock, folder } = self;
        drop(supabase);
        Self { supabase: folder.open(clock.clone()).unwrap(), clock, folder }
    }

    /// The same, with SQL in between that changes the database.
    pub(super) fn restart_after(self, sql: &str) -> Self {
        let Self { supabase, clock, folder } = self;
        drop(supabase);
        let database = rusqlite::Connection::open(folder.0.join("supabase.db")).unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        Self { supabase: folder.open(clock.clone()).unwrap(), clock, folder }
    }

    /// The bytes of the database, with what was not yet moved into it.
    pub(super) fn files(&self) -> Vec<u8> {
        let read = |name| std::fs::read(self.folder.0.join(name)).unwrap();
        [read("supabase.db"), read("supabase.db-wal")].concat()
    }

    /// Where the bytes of Storage are.
    pub(super) fn storage_folder(&self) -> PathBuf {
        self.folder.0.join("storage")
    }

    pub(super) fn stored_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.storage_folder()).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.stored_files().iter().map(|path| path.metadata().unwrap().len()).sum()
    }

    pub(super) fn service_key(&self) -> &str {
        self.supabase.service_key().expose_secret()
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(path.to_owned());
        let request = request.header("host", "127.0.0.1:54321").body(Body::empty());
        Call { server: self, request: request.unwrap() }
    }

    pub(super) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(super) fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub(super) async fn sign_up(&self) -> Tokens {
        let params = json!({ "email": EMAIL, "password": PASSWORD });
        self.post("/auth/v1/signup").json(&params).await.tokens()
    }

    pub(super) async fn sign_in(&self) -> Tokens {
        let params = json!({ "email": EMAIL, "password": PASSWORD });
        self.post("/auth/v1/token?grant_type=password").json(&params).await.tokens()
    }

    pub(super) async fn refresh(&self, refresh_token: &str) -> Answer {
        let params = json!({ "refresh_token": refresh_token });
        self.post("/auth/v1/token?grant_type=refresh_token").json(&params).await
    }
}

/// A request that is being built.
pub(super) struct Call<'a> {
    server: &'a Server,
    request: Request<Body>,
}

impl Call<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Asks for errors in the shape that supabase-js wants.
    pub(super) fn dated(self) -> Self {
        self.header("x-supabase-api-version", "2024-01-01")
    }

    pub(super) async fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json").text(&body.to_string()).await
    }

    pub(super) async fn text(mut self, body: &str) -> Answer {
        *self.request.body_mut() = Body::from(body.to_owned());
        self.send().await
    }

    pub(super) async fn send(self) -> Answer {
        let router = self.server.supabase.router();
        let response = router.oneshot(self.request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.body);
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Tokens {
            access: text("access_token"),
            refresh: text("refresh_token"),
            user_id: body["user"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Compares an error, which has the same body whenever it occurs.
    #[track_caller]
    pub(super) fn assert_is(&self, status: u16, body: &str) {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (status, body));
    }

    /// The body with what differs each time replaced: ids, times and tokens.
    pub(super) fn masked(&self) -> String {
        let is_quote = |c: char| c == '"';
        let parts: Vec<_> = self.body.split(is_quote).map(mask).collect();
        parts.join("\"")
    }
}

fn mask(text: &str) -> &str {
    let is_refresh_token = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if Uuid::try_parse(text).is_ok() {
        "ID"
    } else if text.parse::<Timestamp>().is_ok() {
        "TIME"
    } else if text.starts_with("eyJ") {
        "JWT"
    } else if text.len() == 12 && text.chars().all(is_refresh_token) {
        "REFRESH"
    } else {
        text
    }
}

/// What a sign-in hands out.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) user_id: String,
}
