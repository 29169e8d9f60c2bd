//! What PostgREST does for one caller: each statement in a transaction with their role and claims.

use std::error::Error as _;

use serde_json::{Map, Value};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// In the place of an SQLSTATE.
pub const CONNECTION_LOST: &str = "";

/// One caller's connection.
pub struct Session {
    /// The caller, where there is one.
    pub id: String,
    pub role: &'static str,
    /// The process on the server.
    pub pid: i32,
    client: Client,
    claims: Value,
}

/// How PostgreSQL refused a statement.
#[derive(Debug)]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    pub message: String,
    pub details: Option<String>,
    pub hint: Option<String>,
}

/// An open transaction of a session.
pub struct Transaction<'a>(&'a Session);

impl Session {
    pub async fn new(
        client: Client,
        role: &'static str,
        id: &str,
        claims: Value,
    ) -> Result<Self, Error> {
        let pid = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
        Ok(Self { id: id.to_owned(), role, pid, client, claims })
    }

    /// The same connection for another caller.
    pub fn acting_as(self, role: &'static str, id: &str, claims: Value) -> Self {
        Self { id: id.to_owned(), role, claims, ..self }
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub async fn begin(&self) -> Transaction<'_> {
        self.try_begin().await.unwrap()
    }

    /// With the limit that Supabase sets a statement of the role.
    pub async fn try_begin(&self) -> Result<Transaction<'_>, Refusal> {
        let limit = if self.role == "anon" { "3s" } else { "8s" };
        let sql = format!(
            "begin; select set_config('role', '{}', true), \
             set_config('statement_timeout', '{limit}', true), \
             set_config('request.method', 'POST', true), \
             set_config('request.jwt.claims', {}, true)",
            self.role,
            literal(&self.claims)
        );
        self.client.batch_execute(&sql).await?;
        Ok(Transaction(self))
    }

    /// Runs a statement; answers how many rows it touched.
    pub async fn run(&self, sql: &str) -> Result<u64, Refusal> {
        let transaction = self.begin().await;
        let result = transaction.run(sql).await;
        transaction.end(result).await
    }

    /// The rows of a statement that returns some, each as JSON.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Value>, Refusal> {
        let transaction = self.begin().await;
        let result = transaction.rows(sql).await;
        transaction.end(result).await
    }

    /// Inserts a row; answers it.
    pub async fn insert(&self, table: &str, row: Value) -> Result<Value, Refusal> {
        let transaction = self.begin().await;
        let result = transaction.insert(table, row).await;
        transaction.end(result).await
    }

    /// What a function of the schema `public` returns.
    pub async fn call(&self, function: &str, arguments: Value) -> Result<Value, Refusal> {
        let transaction = self.begin().await;
        let result = transaction.call(function, arguments).await;
        transaction.end(result).await
    }
}

impl Transaction<'_> {
    pub async fn run(&self, sql: &str) -> Result<u64, Refusal> {
        let messages = self.0.client.simple_query(sql).await.map_err(Refusal::from)?;
        let done = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(done.unwrap_or_default())
    }

    pub async fn rows(&self, sql: &str) -> Result<Vec<Value>, Refusal> {
        let sql = format!("with source as ({sql}) select to_jsonb(source) from source");
        let rows = self.texts(&sql).await?;
        Ok(rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect())
    }

    /// The first column of whatever a statement returns.
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>, Refusal> {
        let messages = self.0.client.simple_query(sql).await.map_err(Refusal::from)?;
        let text = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        Ok(messages.iter().filter_map(text).collect())
    }

    /// The columns of the only row.
    pub async fn only_row(&self, sql: &str) -> Result<Vec<Option<String>>, Refusal> {
        let messages = self.0.client.simple_query(sql).await.map_err(Refusal::from)?;
        let texts = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.iter().find_map(texts).unwrap())
    }

    pub async fn insert(&self, table: &str, row: Value) -> Result<Value, Refusal> {
        let row: Map<String, Value> = serde_json::from_value(row).unwrap();
        let (columns, values): (Vec<_>, Vec<_>) =
            row.iter().map(|(column, value)| (column.as_str(), literal(value))).unzip();
        let (columns, values) = (columns.join(", "), values.join(", "));
        let sql = format!("insert into public.{table} ({columns}) values ({values}) returning *");
        Ok(self.rows(&sql).await?.remove(0))
    }

    pub async fn call(&self, function: &str, arguments: Value) -> Result<Value, Refusal> {
        let arguments: Map<String, Value> = serde_json::from_value(arguments).unwrap();
        let arguments: Vec<_> =
            arguments.iter().map(|(name, value)| format!("{name} => {}", literal(value))).collect();
        let sql = format!("select public.{function}({}) as answer", arguments.join(", "));
        Ok(self.rows(&sql).await?.remove(0)["answer"].take())
    }

    pub async fn commit(self) {
        self.try_commit().await.unwrap();
    }

    pub async fn try_commit(self) -> Result<(), Refusal> {
        Ok(self.0.client.batch_execute("commit").await?)
    }

    /// Where the connection is gone, the server does it.
    pub async fn rollback(self) {
        let _ = self.0.client.batch_execute("rollback").await;
    }

    async fn end<T>(self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        let end = if result.is_ok() { "commit" } else { "rollback" };
        self.0.client.batch_execute(end).await.map_err(Refusal::from)?;
        result
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let Some(db) = error.as_db_error() else {
            assert!(error.is_closed() || error.source().is_some(), "{error:?}");
            let (code, message) = (CONNECTION_LOST.to_owned(), error.to_string());
            return Self { code, message, details: None, hint: None };
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            code: db.code().code().to_owned(),
            message: db.message().to_owned(),
            details: owned(db.detail()),
            hint: owned(db.hint()),
        }
    }
}

/// A value as an SQL literal of whatever type is wanted there: strings as they are, the rest as
/// JSON.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => format!("'{}'", other.to_string().replace('\'', "''")),
    }
}

/// An error with what PostgreSQL says about it.
pub fn explain(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            format!("{} ({}) {}", db.message(), db.code().code(), db.where_().unwrap_or(""))
        }
        None => error.to_string(),
    }
}
