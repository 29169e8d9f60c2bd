//! PostgREST 14 over a real PostgreSQL: each request becomes the SQL that PostgREST makes of it and
//! runs in the caller's role. Auth and Storage are the local Supabase's.

mod body;
mod catalog;
mod failure;
mod found;
mod pool;
mod query;
mod read;
mod relationship;
mod scanner;
mod statement;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body as Response, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response as Http};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_postgres::Error;

use self::body::Body;
use self::catalog::Catalog;
use self::failure::Failure;
use self::found::Found;
use self::pool::Pool;
use self::query::{Query, parse};
use self::statement::{Format, Statements, Wants};
use super::{Database, Transaction, literal};
use crate::support::pass_on;

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
    service_key: String,
    http: reqwest::Client,
    /// Tables and functions that were asked for.
    seen: Mutex<BTreeSet<String>>,
    pool: Pool,
    /// Users of whom PostgreSQL knows, or knew until they were deleted.
    users: Mutex<BTreeSet<String>>,
}

impl Postgrest {
    /// In front of the local Supabase at this address, whose Auth it uses.
    pub async fn start(db: Database, supabase: &str, service_key: &str) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap(), db, supabase, service_key).await
    }

    /// The same, which listens there.
    pub async fn at(
        listener: TcpListener,
        db: Database,
        supabase: &str,
        service_key: &str,
    ) -> Self {
        let catalog = Catalog::read(&db).await;
        let (supabase, service_key) = (supabase.to_owned(), service_key.to_owned());
        let (http, seen, pool) = (reqwest::Client::new(), Mutex::default(), Pool::default());
        let users = Mutex::default();
        let inner = Inner { db, catalog, supabase, service_key, http, seen, pool, users };
        let inner = Arc::new(inner);
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

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Http<Response> {
    if !request.uri().path().starts_with("/rest/v1/") {
        return inner.elsewhere(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return Http::default() };
    // What was begun is carried out, also when nobody waits for the answer any more.
    let answered = tokio::spawn(async move { inner.rest(&parts, &body).await });
    answered.await.unwrap()
}

impl Inner {
    async fn rest(&self, parts: &Parts, body: &[u8]) -> Http<Response> {
        let path = parts.uri.path().strip_prefix("/rest/v1/").unwrap();
        self.seen.lock().unwrap().insert(path.trim_start_matches("rpc/").to_owned());
        let claims = self.claims(&parts.headers);
        let answer = async {
            if let Some(id) = claims["sub"].as_str() {
                self.add_user(id).await?;
            }
            self.answer(parts, path, body, &claims).await
        };
        match answer.await {
            Ok(response) => response,
            Err(failure) => {
                let failure = failure.seen_by(claims["role"].as_str().unwrap_or("anon"));
                if failure.code().starts_with("42") && !parts.headers.contains_key(QUIETLY) {
                    // Past the test harness: the server says no more than that Supabase has failed.
                    let _ = writeln!(std::io::stderr(), "{failure:?}: {}", parts.uri);
                }
                let response = Http::builder().status(failure.status);
                response.body(failure.body().into()).unwrap()
            }
        }
    }

    /// Of Auth and Storage, whose users PostgreSQL learns.
    async fn elsewhere(&self, request: Request) -> Http<Response> {
        let path = request.uri().path().to_owned();
        let is_deletion = request.method() == Method::DELETE;
        let response = pass_on(&self.http, &self.supabase, request).await;
        let signs_in = ["/auth/v1/signup", "/auth/v1/token", "/auth/v1/admin/users"];
        if is_deletion && let Some(id) = path.strip_prefix("/auth/v1/admin/users/") {
            let gone = format!("delete from auth.users where id = {}", literal(&json!(id)));
            self.users.lock().unwrap().insert(id.to_owned());
            self.as_admin(&gone).await.unwrap();
            return response;
        }
        if !signs_in.contains(&&*path) || !response.status().is_success() {
            return response;
        }
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = answer["user"]["id"].as_str().or_else(|| answer["id"].as_str());
        if let Some(id) = id {
            // While PostgreSQL is down, the user's first request tells it of them.
            let _ = self.add_user(id).await;
        }
        Http::from_parts(head, body.into())
    }

    /// Users are Auth's, which is not PostgreSQL's here.
    async fn add_user(&self, id: &str) -> Result<(), Failure> {
        if !self.users.lock().unwrap().contains(id) {
            let user = literal(&json!(id));
            let sql = format!("insert into auth.users (id) values ({user}) on conflict do nothing");
            self.as_admin(&sql).await.map_err(|error| Failure::no_connection(&error))?;
            self.users.lock().unwrap().insert(id.to_owned());
        }
        Ok(())
    }

    async fn as_admin(&self, sql: &str) -> Result<(), Error> {
        self.db.try_as_admin().await?.batch_execute(sql).await
    }

    async fn answer(
        &self,
        parts: &Parts,
        path: &str,
        body: &[u8],
        claims: &Value,
    ) -> Result<Http<Response>, Failure> {
        let verb = parts.method.as_str();
        for profile in ["accept-profile", "content-profile"] {
            if !["", "public"].contains(&header(&parts.headers, profile)) {
                return Err(Failure::new(406, "PGRST106", "Invalid schema"));
            }
        }
        let wants = wants(&parts.headers, verb == "HEAD");
        let is_csv = header(&parts.headers, "content-type").starts_with("text/csv");
        let text = parts.uri.query().unwrap_or_default();
        let query = parse(text, body.is_empty() && path.starts_with("rpc/"))?;
        let body = if ["GET", "HEAD", "DELETE"].contains(&verb) { &[] } else { body };
        let body = Body::parse(body, is_csv)?;
        let statements = Statements(&self.catalog);
        let (sql, reads_only) = match path.strip_prefix("rpc/") {
            Some(name) => {
                let name = &*percent_decode_str(name).decode_utf8().unwrap();
                let function = self.catalog.functions.get(name);
                let function = function.filter(|function| function.takes(body.as_ref()));
                let message = "Could not find the function in the schema cache";
                let function = function.ok_or_else(|| Failure::new(404, "PGRST202", message))?;
                let sql = statements.call(name, function, &query, body.as_ref(), wants)?;
                (sql, verb == "GET" || !function.is_volatile)
            }
            None => {
                if !self.catalog.tables.contains_key(path) {
                    let message =
                        format!("Could not find the table 'public.{path}' in the schema cache");
                    return Err(Failure::new(404, "PGRST205", message));
                }
                if let Some(body) = &body {
                    body.check(&query)?;
                }
                match verb {
                    "GET" | "HEAD" => (statements.read(path, &query, wants)?, true),
                    _ => (statements.write(verb, path, &query, body.as_ref(), wants)?, false),
                }
            }
        };
        refuse_all_rows(verb, path, &query, body.as_ref())?;
        let found = self.run(claims, &sql, reads_only, verb, wants).await?;
        Ok(found.respond(verb, path, &query, wants))
    }

    /// All is undone where one row was wanted and another number came.
    async fn run(
        &self,
        claims: &Value,
        sql: &str,
        reads_only: bool,
        verb: &str,
        wants: Wants<'_>,
    ) -> Result<Found, Failure> {
        let turn = self.pool.turn().await?;
        let session = self.db.as_token(claims, turn.idle()).await;
        let session = session.map_err(|error| Failure::no_connection(&error))?;
        let transaction = session.try_begin().await?;
        let result = Self::run_in(&transaction, sql, reads_only).await;
        let result = match result.and_then(|found| found.check(verb, wants)) {
            Ok(found) => transaction.try_commit().await.map(|()| found).map_err(Failure::from),
            Err(failure) => {
                transaction.rollback().await;
                Err(failure)
            }
        };
        turn.give_back(session);
        result
    }

    async fn run_in(
        transaction: &Transaction<'_>,
        sql: &str,
        reads_only: bool,
    ) -> Result<Found, Failure> {
        if reads_only {
            transaction.run("set transaction read only").await?;
        }
        let row = transaction.only_row(sql).await?;
        let [total, rows, body, location] = row.try_into().unwrap();
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let (total, rows) = (number(total), number(rows).unwrap());
        let (body, location) = (body.unwrap_or_default(), location.unwrap_or_default());
        Ok(Found { total, rows, body, location })
    }

    /// What the caller's token says; nobody has checked it.
    fn claims(&self, headers: &HeaderMap) -> Value {
        let bearer = header(headers, "authorization").strip_prefix("Bearer ");
        let token = bearer.unwrap_or_else(|| header(headers, "apikey"));
        let claims = |token: &str| {
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
            serde_json::from_slice(&claims).ok()
        };
        let role = if token == self.service_key { "service_role" } else { "anon" };
        claims(token).unwrap_or_else(|| json!({ "role": role }))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn wants(headers: &HeaderMap, is_head: bool) -> Wants<'_> {
    let prefer = header(headers, "prefer");
    let accept = header(headers, "accept");
    let format = match accept.split(',').next().unwrap_or_default() {
        accept if accept.contains("vnd.pgrst.object") => Format::Object,
        accept if accept.contains("nulls=stripped") => Format::StrippedArray,
        "text/csv" => Format::Csv,
        _ if is_head => Format::Nothing,
        _ => Format::Array,
    };
    let resolution = ["merge-duplicates", "ignore-duplicates"];
    Wants {
        format,
        count: prefer.contains("count=exact"),
        representation: prefer.contains("return=representation"),
        headers_only: prefer.contains("return=headers-only"),
        resolution: resolution.into_iter().find(|word| prefer.contains(word)),
        missing_default: prefer.contains("missing=default"),
        max_affected: max_affected(prefer),
    }
}

/// It counts only where handling is strict.
fn max_affected(prefer: &str) -> Option<i64> {
    let rows = prefer.split("max-affected=").nth(1)?.split(',').next()?;
    prefer.contains("handling=strict").then(|| rows.trim().parse().ok())?
}

/// `pg_safeupdate`, which Supabase loads, is no part of PostgreSQL.
fn refuse_all_rows(
    verb: &str,
    path: &str,
    query: &Query,
    body: Option<&Body>,
) -> Result<(), Failure> {
    let changes = body.is_some_and(|body| !body.columns(query).is_empty());
    let statement = match verb {
        "PATCH" if changes => "UPDATE",
        "DELETE" => "DELETE",
        _ => return Ok(()),
    };
    if !query.read.conditions.is_empty() || path.starts_with("rpc/") {
        return Ok(());
    }
    Err(Failure::new(400, "21000", format!("{statement} requires a WHERE clause")))
}
