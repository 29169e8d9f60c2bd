//! Recorded answers of PostgREST as cases: a request and what it must be answered with. Their names
//! are those of the recordings.

use serde_json::{Value, json};

use super::support::{Answer, Request, Server};
use crate::local_supabase::Role;

pub struct Case {
    name: &'static str,
    role: Role,
    request: Request,
    status: u16,
    body: Body,
    headers: Vec<(&'static str, &'static str)>,
}

enum Body {
    Any,
    Text(&'static str),
    Json(Value),
}

pub fn case(name: &'static str, role: Role, request: Request) -> Case {
    Case { name, role, request, status: 200, body: Body::Text(""), headers: Vec::new() }
}

impl Case {
    /// The body to the letter.
    pub fn answers(mut self, status: u16, body: &'static str) -> Self {
        self.status = status;
        self.body = Body::Text(body);
        self
    }

    /// Whatever the body is.
    pub fn any_body(mut self) -> Self {
        self.body = Body::Any;
        self
    }

    /// An error without details and hint.
    pub fn refuses(self, status: u16, code: &str, message: &str) -> Self {
        self.refuses_with(status, code, message, Value::Null, Value::Null)
    }

    pub fn refuses_with(
        mut self,
        status: u16,
        code: &str,
        message: &str,
        details: impl Into<Value>,
        hint: impl Into<Value>,
    ) -> Self {
        let (details, hint) = (details.into(), hint.into());
        let body = json!({"code": code, "details": details, "hint": hint, "message": message});
        self.status = status;
        self.body = Body::Json(body);
        self
    }

    /// A header; an empty value says that there is none.
    pub fn with(mut self, header: &'static str, value: &'static str) -> Self {
        self.headers.push((header, value));
        self
    }
}

/// Sends the cases one after the other.
pub async fn check(server: &Server, cases: Vec<Case>) {
    for case in cases {
        let answer = server.send(case.role, case.request).await;
        assert_eq!(answer.status.as_u16(), case.status, "{}: {}", case.name, answer.body);
        match &case.body {
            Body::Any => {}
            Body::Text(text) => assert_eq!(answer.body, *text, "{}", case.name),
            Body::Json(body) => check_error(case.name, &answer, body),
        }
        for (header, value) in case.headers {
            assert_eq!(answer.header(header), value, "{}: {header}", case.name);
        }
    }
}

fn check_error(name: &str, answer: &Answer, body: &Value) {
    assert_eq!(answer.json(), *body, "{name}");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{name}");
    let code = body["code"].as_str().unwrap();
    let proxy_status = format!("PostgREST; error={code}");
    assert_eq!(answer.header("proxy-status"), proxy_status, "{name}");
}
