//! A database in a directory of its own, and requests written shortly.

use std::path::PathBuf;

use axum::body::to_bytes;
use axum::http::{HeaderMap, Method, Request as HttpRequest, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::local::PROJECT;
use crate::local_supabase::{LocalSupabase, Options, Role};
use crate::memory::Memory;

pub const ALICE: Role = user(0xa11ce);
pub const BOB: Role = user(0xb0b);
/// Signed in, but not in `auth.users` any more.
pub const GONE: Role = user(0x60e);

const fn user(number: u128) -> Role {
    Role::Authenticated { user_id: Uuid::from_u128(number) }
}

/// The id of a user.
pub fn id_of(role: Role) -> String {
    role.uid().unwrap().to_string()
}

/// A uuid that ends in `number`.
pub fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// The members of an object.
pub fn members(object: Value) -> serde_json::Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// The values of one column, with commas between them.
pub fn column(rows: &Value, name: &str) -> String {
    let value = |row: &Value| row[name].as_str().unwrap_or("null").to_owned();
    rows.as_array().unwrap().iter().map(value).collect::<Vec<_>>().join(",")
}

/// The time at which a server's clock stands still.
pub const NOW: &str = "2026-11-22T19:53:31.89315+00:00";

pub struct Server {
    pub supabase: LocalSupabase,
    pub clock: Clock,
    _folder: Folder,
}

/// A folder that goes when it goes.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("local-{}", Uuid::new_v4())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// With a clock that stands still.
pub fn options() -> Options {
    Options {
        public_url: "http://127.0.0.1:54321".to_owned(),
        allow_anonymous_users: true,
        max_user_bytes: 1 << 30,
        migrations: None,
        auto_expose_new_tables: false,
        max_object_bytes: 50 << 20,
        password_kib: crate::local_supabase::PASSWORD_KIB_LEAST,
        clock: Clock::fixed(NOW.parse::<Timestamp>().unwrap()),
        memory: Memory::new(256 << 20),
    }
}

impl Server {
    /// A database with Alice and Bob in it and nothing else.
    pub async fn start() -> Self {
        let (folder, options) = (Folder::new(), options());
        let clock = options.clock.clone();
        let supabase = LocalSupabase::open(&folder.0, PROJECT, options).unwrap();
        let server = Self { supabase, clock, _folder: folder };
        for role in [ALICE, BOB] {
            server.add_user(&id_of(role)).await;
        }
        server
    }

    /// Three chats of Alice's with three messages in the first, and one of Bob's with a message.
    pub async fn with_chats() -> Self {
        let server = Self::start().await;
        let (alice, bob) = (id_of(ALICE), id_of(BOB));
        let chats = json!([
            {"id": id(0xa001), "user_id": alice, "title": "alpha", "model": null,
             "is_archived": false, "is_bookmarked": true, "created_at": "2026-01-01T00:00:01Z",
             "metadata": {"kind": "trip", "n": 1, "deep": {"list": [{"x": "é"}, 2]}}},
            {"id": id(0xa002), "user_id": alice, "title": "beta two", "model": "m1",
             "is_archived": false, "is_bookmarked": false, "created_at": "2026-01-01T00:00:02Z",
             "metadata": {"n": 10}},
            {"id": id(0xa003), "user_id": alice, "title": "gamma", "model": null,
             "is_archived": true, "is_bookmarked": false, "created_at": "2026-01-01T00:00:03Z",
             "metadata": {}},
            {"id": id(0xb001), "user_id": bob, "title": "bob one", "model": null,
             "is_archived": false, "is_bookmarked": false, "created_at": "2026-01-01T00:00:04Z",
             "metadata": {}},
        ]);
        server.insert(Role::Service, "chats", chats).await;
        let message = |number, chat, user: &str, role, content, at| {
            json!({"id": id(number), "chat_id": id(chat), "user_id": user, "role": role,
                   "content": content, "created_at": at})
        };
        let messages = json!([
            message(0xa101, 0xa001, &alice, "user", "first", "2026-01-02T00:00:01Z"),
            message(0xa102, 0xa001, &alice, "assistant", "second", "2026-01-02T00:00:02Z"),
            message(0xa103, 0xa001, &alice, "user", "third", "2026-01-02T00:00:02.5Z"),
            message(0xb101, 0xb001, &bob, "user", "bob's", "2026-01-02T00:00:04Z"),
        ]);
        server.insert(Role::Service, "messages", messages).await;
        server
    }

    pub async fn add_user(&self, id: &str) {
        let insert = format!(
            "insert into auth_users \
             (id, role, app_metadata, user_metadata, is_anonymous, created_at, updated_at) \
             values ('{id}', 'authenticated', '{{}}', '{{}}', 0, 0, 0)"
        );
        self.execute(&insert).await;
    }

    /// Runs SQL past the API.
    pub async fn execute(&self, sql: &str) {
        self.supabase.connect().unwrap().execute_batch(sql).unwrap();
    }

    /// Sends `GET /chats?…` and the like.
    pub async fn send(&self, role: Role, request: Request) -> Answer {
        let mut http = HttpRequest::builder().method(&request.method).uri(&request.uri);
        for (name, value) in &request.headers {
            http = http.header(*name, value);
        }
        let (parts, ()) = http.body(()).unwrap().into_parts();
        let response = self.supabase.rest(role, &parts, request.body).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The rows of a GET that succeeds.
    pub async fn rows(&self, role: Role, uri: &str) -> Value {
        let answer = self.send(role, get(uri)).await;
        assert!(answer.status.is_success(), "GET {uri}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// Inserts rows.
    pub async fn insert(&self, role: Role, table: &str, rows: Value) {
        let answer = self.send(role, post(&format!("/{table}")).json(&rows)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }

    /// Calls a function that succeeds.
    pub async fn call(&self, role: Role, function: &str, arguments: Value) -> Value {
        let answer = self.send(role, post(&format!("/rpc/{function}")).json(&arguments)).await;
        assert_eq!(answer.status, StatusCode::OK, "{function}: {}", answer.body);
        answer.json()
    }
}

#[derive(Clone)]
pub struct Request {
    method: Method,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// A request, its query string as a person writes it.
pub fn request(method: &str, uri: &str) -> Request {
    let encoded: String = uri
        .chars()
        .map(|c| match c {
            ' ' => "%20".to_owned(),
            '"' | '<' | '>' | '{' | '}' | '\\' | '^' | '`' | '|' | '#' => {
                format!("%{:02X}", c as u32)
            }
            c if c.is_ascii() => c.to_string(),
            c => c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
        })
        .collect();
    let method = method.parse().unwrap();
    Request { method, uri: encoded, headers: Vec::new(), body: Bytes::new() }
}

pub fn get(uri: &str) -> Request {
    request("GET", uri)
}

pub fn post(uri: &str) -> Request {
    request("POST", uri)
}

pub fn patch(uri: &str) -> Request {
    request("PATCH", uri)
}

pub fn delete(uri: &str) -> Request {
    request("DELETE", uri)
}

impl Request {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn prefer(self, preference: &str) -> Self {
        self.header("prefer", preference)
    }

    pub fn accept(self, media_type: &str) -> Self {
        self.header("accept", media_type)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    pub fn body(mut self, content_type: &'static str, body: &str) -> Self {
        self.body = Bytes::from(body.to_owned());
        self.header("content-type", content_type)
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}
