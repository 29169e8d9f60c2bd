//! Checks without the service key: whether PostgREST knows the tables, columns and functions of the
//! migrations, and denies them to `anon`.
//!
//! Everything is first requested as `anon`. PostgreSQL looks up a table and its columns before it
//! checks permissions, so a refusal shows that they exist and are protected.

use futures_util::future::join_all;
use serde_json::{Map, Value};

use super::Report;
use crate::app::{FunctionDescription, TableDescription, expected_schema};
use crate::supabase::{Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// PostgreSQL's code for a missing grant.
const REFUSED: &str = "42501";
/// PostgREST's code for a schema that it does not expose.
const UNKNOWN_SCHEMA: &str = "PGRST106";
pub(super) const MIGRATE: &str = "apply the files of supabase/migrations, which `chat-backend migrations \
                                  --out supabase/migrations` writes: supabase db push";

/// Returns whether PostgREST works, so that further checks make sense.
pub(super) async fn check(supabase: &Supabase, report: &mut Report) -> bool {
    let schema = expected_schema();
    if let Some(error) = postgrest_fails(supabase, &schema.tables).await {
        report.problem(
            format!("PostgREST does not answer as it should: {error}"),
            "check SUPABASE_ANON_KEY, and whether /rest/v1 of the project works",
        );
        return false;
    }
    let tables = join_all(schema.tables.iter().map(|table| table_as_anon(supabase, table))).await;
    let is_missing = |answer: &Result<(), SupabaseError>| {
        let Err(error) = answer else { return false };
        error.kind == SupabaseErrorKind::SchemaMismatch && !is_refused(error)
    };
    if tables.iter().all(is_missing) {
        report.problem("none of the tables is there", MIGRATE);
        return false;
    }
    for (table, answer) in schema.tables.iter().zip(tables) {
        let what = format!("table {}: {} columns", table.name, table.columns.len());
        found(&what, answer, report);
    }
    let functions = schema.functions.iter();
    let answers = join_all(functions.map(|function| call_as_anon(supabase, function))).await;
    for (function, answer) in schema.functions.iter().zip(answers) {
        found(&format!("function {}", function.name), answer, report);
    }
    hidden_schema(supabase, report).await;
    if supabase.has_service_key() {
        service_key(supabase, &schema.tables, report).await;
    }
    true
}

/// Whether the schema `private` is hidden from requests.
async fn hidden_schema(supabase: &Supabase, report: &mut Report) {
    let query = supabase.rest(Caller::Anon).from("token_reservations").profile("private");
    match query.limit(0).rows().await {
        Err(error) if error.code.as_deref() == Some(UNKNOWN_SCHEMA) => {
            report.pass("the schema private is hidden from requests");
        }
        Err(error) if error.kind != SupabaseErrorKind::SchemaMismatch => {
            report.skipped(format!("whether the schema private is hidden: {error}"));
        }
        _ => report.problem(
            "the schema private is exposed: requests reach its tables and functions",
            "take it out of the exposed schemas (Project Settings > Data API)",
        ),
    }
}

/// Failures that are unrelated to the schema and would be the same for every object.
async fn postgrest_fails(
    supabase: &Supabase,
    tables: &[TableDescription],
) -> Option<SupabaseError> {
    let error = table_as_anon(supabase, tables.first()?).await.err()?;
    (error.kind != SupabaseErrorKind::SchemaMismatch && !is_refused(&error)).then_some(error)
}

/// Whether the role lacks a grant for the object, which therefore exists.
pub(super) fn is_refused(error: &SupabaseError) -> bool {
    error.code.as_deref() == Some(REFUSED)
}

async fn table_as_anon(supabase: &Supabase, table: &TableDescription) -> Result<(), SupabaseError> {
    select(supabase, Caller::Anon, table).await
}

async fn select(
    supabase: &Supabase,
    caller: Caller<'_>,
    table: &TableDescription,
) -> Result<(), SupabaseError> {
    let query = supabase.rest(caller).from(table.name).select(&table.columns.join(","));
    query.limit(0).rows().await?.split().map(drop)
}

async fn call_as_anon(
    supabase: &Supabase,
    function: &FunctionDescription,
) -> Result<(), SupabaseError> {
    let named = |name: &&str| ((*name).to_owned(), Value::Null);
    let arguments: Map<_, _> = function.parameters.iter().map(named).collect();
    let call = supabase.rest(Caller::Anon).call(function.name, &arguments);
    call.rows().await.map(|_| ())
}

fn found(what: &str, as_anon: Result<(), SupabaseError>, report: &mut Report) {
    match as_anon {
        Err(error) if is_refused(&error) => {
            report.pass(format!("{what}, closed to anonymous requests"));
        }
        Err(error) => report.problem(format!("{what}: {error}"), MIGRATE),
        Ok(()) => report.problem(
            format!("{what}: open to everybody"),
            "revoke what the role anon was granted; the migrations do so",
        ),
    }
}

async fn service_key(supabase: &Supabase, tables: &[TableDescription], report: &mut Report) {
    let answers = join_all(tables.iter().map(|table| select(supabase, Caller::Service, table)));
    let refused = answers.await.into_iter().find_map(Result::err);
    match refused {
        None => report.pass("the service key reads all tables"),
        Some(error) => report.problem(
            format!("the service key is refused: {error}"),
            "check SUPABASE_SERVICE_ROLE_KEY, or apply the migrations anew",
        ),
    }
}
