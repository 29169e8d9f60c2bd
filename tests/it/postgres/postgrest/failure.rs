//! Errors as PostgREST's `Error.hs` answers them.

use serde_json::{Value, json};
use tokio_postgres::Error;

use super::super::session::{CONNECTION_LOST, Refusal};

#[derive(Debug)]
pub struct Failure {
    pub status: u16,
    body: Box<Value>,
}

impl Failure {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let body = json!({ "code": code, "message": message, "details": null, "hint": null });
        Self { status, body: Box::new(body) }
    }

    /// No connection is free, after the ten seconds that PostgREST waits for one.
    pub fn no_turn() -> Self {
        Self::new(504, "PGRST003", "Timed out acquiring connection from connection pool.")
    }

    pub fn no_connection(error: &Error) -> Self {
        let message = "Database connection error. Retrying the connection.";
        Self::new(503, "PGRST000", message).details(error.to_string())
    }

    pub fn details(mut self, details: impl Into<Value>) -> Self {
        self.body["details"] = details.into();
        self
    }

    pub fn hint(mut self, hint: impl Into<Value>) -> Self {
        self.body["hint"] = hint.into();
        self
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// What the caller's role makes of it.
    pub fn seen_by(self, role: &str) -> Self {
        let status = if self.code() == "42501" && role == "anon" { 401 } else { self.status };
        Self { status, ..self }
    }

    pub fn body(&self) -> String {
        self.body.to_string()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, details, hint } = refusal;
        if code == CONNECTION_LOST {
            let failure =
                Self::new(503, "PGRST001", "Database client error. Retrying the connection.");
            return failure.details(message);
        }
        let status = match code.as_str() {
            "23503" | "23505" => 409,
            "25006" => 405,
            "21000" if message.ends_with("requires a WHERE clause") => 400,
            "21000" | "42P17" => 500,
            "P0001" => 400,
            "42501" => 403,
            "42883" | "42P01" => 404,
            // Raised to be this status.
            code if code.starts_with("PT") => code[2..].parse().unwrap_or(500),
            "57P01" => 503,
            "53400" => 500,
            code if ["08", "53"].contains(&&code[..2]) => 503,
            code if code.starts_with("54") => 413,
            code if ["25", "40", "55", "57", "58", "P0", "XX"].contains(&&code[..2]) => 500,
            _ => 400,
        };
        Self::new(status, &code, message).details(details).hint(hint)
    }
}
