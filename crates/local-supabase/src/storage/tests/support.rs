//! Two users, a few buckets, and the recorded answers as cases. Their names are those of the
//! recordings; where a recorded path was open to everybody, it is below Alice's id here.

use axum::http::Method;
use serde_json::json;

use crate::testing::{Answer, Server};

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Alice,
    Bob,
    Anon,
    Service,
    Nobody,
    /// A token whose signature is not ours.
    WrongSignature,
}

pub struct World {
    pub server: Server,
    alice: (String, String),
    bob: (String, String),
}

/// One request and what it must be answered with.
pub struct Case {
    name: &'static str,
    by: As,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    status: u16,
    answer: &'static str,
    expected_headers: Vec<(&'static str, String)>,
}

impl World {
    /// The buckets of the recordings, and nothing in them.
    pub async fn new() -> Self {
        let server = Server::start();
        let alice = sign_up(&server, "alice@example.com").await;
        let bob = sign_up(&server, "bob@example.com").await;
        let world = Self { server, alice, bob };
        for bucket in [
            json!({ "id": "private", "name": "private", "public": false }),
            json!({ "name": "pub", "public": true }),
            json!({ "name": "small", "public": false, "file_size_limit": 1024,
                    "allowed_mime_types": ["text/plain", "image/*"] }),
        ] {
            let case = post("bucket", As::Service, "/bucket").json(&bucket.to_string());
            assert_eq!(world.send(&case).await.status, 200);
        }
        world
    }

    /// With `hello world` at `{A}/h.txt`.
    pub async fn with_object() -> Self {
        let world = Self::new().await;
        world.upload("private/{A}/h.txt", "hello world").await;
        world
    }

    pub async fn upload(&self, place: &str, text: &str) {
        let case = post("upload", As::Alice, &format!("/object/{place}"))
            .header("content-type", "text/plain")
            .body(text);
        let answer = self.send(&case).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// `{A}` and `{B}` stand for the users' ids.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{A}", &self.alice.0).replace("{B}", &self.bob.0)
    }

    pub async fn send(&self, case: &Case) -> Answer {
        let path = format!("/storage/v1{}", self.fill(&case.path));
        let mut call = self.server.call(case.method.clone(), &path);
        let service = self.server.service_key().to_owned();
        let wrong = format!("{}x", &self.alice.1[..self.alice.1.len() - 1]);
        call = match case.by {
            As::Alice => call.bearer(&self.alice.1),
            As::Bob => call.bearer(&self.bob.1),
            As::Anon => call.header("apikey", "sb_publishable_local"),
            As::Service => call.header("apikey", &service),
            As::WrongSignature => call.bearer(&wrong),
            As::Nobody => call,
        };
        for (name, value) in &case.headers {
            call = call.header(name, value);
        }
        call.text(&self.fill(&case.body)).await
    }

    pub async fn check(&self, cases: Vec<Case>) {
        for case in cases {
            let answer = self.send(&case).await;
            let name = case.name;
            let body = self.fill(&answer.masked());
            assert_eq!(
                (answer.status.as_u16(), body),
                (case.status, self.fill(case.answer)),
                "{name}"
            );
            for (header, value) in &case.expected_headers {
                assert_eq!(answer.header(header), Some(value.as_str()), "{name}: {header}");
            }
        }
    }
}

async fn sign_up(server: &Server, email: &str) -> (String, String) {
    let params = json!({ "email": email, "password": "secret123" });
    let tokens = server.post("/auth/v1/signup").json(&params).await.tokens();
    (tokens.user_id, tokens.access)
}

pub fn case(name: &'static str, by: As, method: Method, path: &str) -> Case {
    Case {
        name,
        by,
        method,
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        status: 200,
        answer: "",
        expected_headers: Vec::new(),
    }
}

pub fn get(name: &'static str, by: As, path: &str) -> Case {
    case(name, by, Method::GET, path)
}

pub fn post(name: &'static str, by: As, path: &str) -> Case {
    case(name, by, Method::POST, path)
}

pub fn put(name: &'static str, by: As, path: &str) -> Case {
    case(name, by, Method::PUT, path)
}

pub fn delete(name: &'static str, by: As, path: &str) -> Case {
    case(name, by, Method::DELETE, path)
}

impl Case {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    pub fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub fn text(self, body: &str) -> Self {
        self.header("content-type", "text/plain").body(body)
    }

    /// The body to the letter, but for ids and times.
    pub fn answers(mut self, answer: &'static str) -> Self {
        self.answer = answer;
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// An error, which is HTTP 400 whatever its own status.
    pub fn refuses(self, answer: &'static str) -> Self {
        self.status(400).answers(answer)
    }

    pub fn with(mut self, header: &'static str, value: &str) -> Self {
        self.expected_headers.push((header, value.to_owned()));
        self
    }
}
