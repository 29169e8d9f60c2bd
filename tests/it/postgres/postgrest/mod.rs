//! PostgREST 14 for the requests of this server: each becomes the SQL that PostgREST makes of it and
//! runs on a real PostgreSQL, in the caller's role. Auth and Storage are the local Supabase's.

mod catalog;
mod query;
mod statement;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::catalog::Catalog;
use self::query::parse;
use self::statement::{Statements, Write};
use super::{Database, Refusal};
use crate::support::{TestApp, pass_on};

/// A header that says: a refusal is what the test expects.
pub const QUIETLY: &str = "x-refusal-expected";

pub struct Postgrest {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    catalog: Catalog,
    supabase: String,
    http: reqwest::Client,
    /// Tables and functions that were asked for.
    seen: Mutex<BTreeSet<String>>,
}

impl Postgrest {
    pub async fn start(db: Database, app: &TestApp) -> Self {
        let catalog = Catalog::load(&db).await;
        let (supabase, http) = (app.supabase_url.clone(), app.http.clone());
        let inner = Arc::new(Inner { db, catalog, supabase, http, seen: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    pub fn db(&self) -> &Database {
        &self.inner.db
    }

    /// The tables and functions that were asked for, as the code names them.
    pub fn seen(&self) -> BTreeSet<String> {
        self.inner.seen.lock().unwrap().clone()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    if !request.uri().path().starts_with("/rest/v1/") {
        return pass_on(&inner.http, &inner.supabase, request).await;
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = (!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap());
    inner.rest(&parts, body.as_ref()).await
}

impl Inner {
    async fn rest(&self, parts: &Parts, body: Option<&Value>) -> Response<Body> {
        let path = parts.uri.path().strip_prefix("/rest/v1/").unwrap();
        let verb = parts.method.as_str();
        let query = parse(
            parts.uri.query().unwrap_or_default(),
            body.is_none() && path.starts_with("rpc/"),
        );
        let statements = Statements(&self.catalog);
        let prefers = |what: &str| header(&parts.headers, "prefer").contains(what);
        let (sql, reads_only) = match (path.strip_prefix("rpc/"), verb) {
            (Some(name), _) => {
                let function = &self.catalog.functions[name];
                let sql = statements.call(name, function, &query, body);
                (sql, verb == "GET" || !function.is_volatile)
            }
            (None, "GET") => (statements.read(path, &query), true),
            (None, _) => {
                let ignores_duplicates = prefers("resolution=ignore-duplicates");
                let returns = prefers("return=representation");
                let write = Write { body, ignores_duplicates, returns };
                (statements.write(verb, path, &query, &write), false)
            }
        };
        let name = path.trim_start_matches("rpc/").to_owned();
        self.seen.lock().unwrap().insert(name);
        let verb_of_all = match verb {
            "PATCH" => Some("UPDATE"),
            "DELETE" => Some("DELETE"),
            _ => None,
        };
        if let Some(statement) = verb_of_all.filter(|_| query.read.conditions.is_empty()) {
            // `pg_safeupdate`, which Supabase loads, is no part of PostgreSQL.
            let message = format!("{statement} requires a WHERE clause");
            return refused(&Refusal { code: "21000".to_owned(), message });
        }
        let wants_one = header(&parts.headers, "accept").contains("vnd.pgrst.object");
        match self.run(&claims(&parts.headers), &sql, reads_only, wants_one).await {
            Ok((rows, body)) => found(verb, path, rows, body),
            Err(refusal) => {
                if refusal.code.starts_with("42") && !parts.headers.contains_key(QUIETLY) {
                    // Past the test harness: the server says no more than that Supabase has failed.
                    let _ = writeln!(std::io::stderr(), "{refusal:?}: {sql}");
                }
                refused(&refusal)
            }
        }
    }

    /// How many rows there are, and the answer's body. All is undone where one row was wanted and
    /// another number came.
    async fn run(
        &self,
        claims: &Value,
        sql: &str,
        reads_only: bool,
        wants_one: bool,
    ) -> Result<(u64, String), Refusal> {
        let session = self.db.as_token(claims).await;
        let transaction = session.begin().await;
        if reads_only {
            transaction.run("set transaction read only").await?;
        }
        let [rows, body] = transaction.two_texts(sql).await?;
        let rows = rows.parse().unwrap();
        if wants_one && rows != 1 {
            transaction.rollback().await;
            let message = "Cannot coerce the result to a single JSON object".to_owned();
            return Err(Refusal { code: "PGRST116".to_owned(), message });
        }
        transaction.commit().await;
        let body = match wants_one {
            true => body[1..body.len() - 1].to_owned(),
            false => body,
        };
        Ok((rows, body))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What the caller's token says; nobody has checked it.
fn claims(headers: &HeaderMap) -> Value {
    let bearer = header(headers, "authorization").strip_prefix("Bearer ");
    let claims = |token: &str| {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&claims).ok()
    };
    let token = bearer.unwrap_or_else(|| header(headers, "apikey"));
    claims(token).unwrap_or_else(|| json!({ "role": "anon" }))
}

fn found(verb: &str, path: &str, rows: u64, body: String) -> Response<Body> {
    let status = if verb == "POST" && !path.starts_with("rpc/") { 201 } else { 200 };
    let range = match (verb, rows) {
        ("DELETE" | "POST", _) if !path.starts_with("rpc/") => "*/*".to_owned(),
        (_, 0) => "*/*".to_owned(),
        (_, rows) => format!("0-{}/*", rows - 1),
    };
    let response = Response::builder().status(status).header("content-range", range);
    response.header("content-type", "application/json; charset=utf-8").body(body.into()).unwrap()
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let status = match refusal.code.as_str() {
        "PGRST116" => StatusCode::NOT_ACCEPTABLE,
        "42501" => StatusCode::FORBIDDEN,
        "23503" | "23505" => StatusCode::CONFLICT,
        "25006" => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::BAD_REQUEST,
    };
    let Refusal { code, message } = refusal;
    let body = json!({ "code": code, "message": message, "details": null, "hint": null });
    Response::builder().status(status).body(body.to_string().into()).unwrap()
}
