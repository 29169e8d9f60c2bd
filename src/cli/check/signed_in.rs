//! What a signed-in user can do, tested with a token that is created for the check. Its user does not
//! exist and has no rows, so nothing can be changed or seen.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Report;
use super::outside::{MIGRATE, is_refused};
use super::schema::Expected;
use crate::app::{App, FunctionDescription, TableDescription, expected_schema};
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// The lifetime of the token, in seconds.
const LIFETIME: i64 = 120;

/// PostgREST verifies the token, which shows whether the secret is correct.
pub(super) async fn check(app: &App, was_compared: bool, report: &mut Report) {
    let Some(secret) = &app.project.jwt_secret else {
        let what = "requests of a signed-in user could not be tried: without SUPABASE_JWT_SECRET no \
                    token can be made for the check";
        // The policies and grants have been read: then trying them would only confirm it.
        return if was_compared { report.note(what) } else { report.skipped(what) };
    };
    let Some(token) = token(app, secret) else { return };
    let supabase = &app.state.supabase;
    let schema = expected_schema();
    if let Some(error) = refusal(supabase, &token, &schema.tables).await {
        return refused(&error, report);
    }
    report.pass("PostgREST takes a token signed with SUPABASE_JWT_SECRET");
    let expected = Expected::committed();
    let tables = schema.tables.iter().map(|table| check_table(supabase, &token, table, &expected));
    let mut wrong: Vec<String> = join_all(tables).await.into_iter().flatten().collect();
    let functions = schema.functions.iter();
    let functions = functions.map(|function| check_function(supabase, &token, function, &expected));
    wrong.extend(join_all(functions).await.into_iter().flatten());
    for what in &wrong {
        report.problem(what, MIGRATE);
    }
    if wrong.is_empty() {
        report.pass("a signed-in user can use tables and functions, and sees nobody else's rows");
    }
}

fn token(app: &App, secret: &SecretString) -> Option<AccessToken> {
    let now = app.state.clock.unix_seconds();
    let claims = json!({
        "sub": Uuid::new_v4(), "role": "authenticated", "aud": "authenticated",
        "iss": format!("{}/auth/v1", app.project.public_url), "iat": now, "exp": now + LIFETIME,
    });
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).ok()?;
    Some(AccessToken::new(&token))
}

/// Why PostgREST refuses the token itself.
async fn refusal(
    supabase: &Supabase,
    token: &AccessToken,
    tables: &[TableDescription],
) -> Option<SupabaseError> {
    let query = supabase.rest(Caller::User(token)).from(tables.first()?.name).limit(0);
    let error = query.rows().await.err()?;
    (!is_refused(&error)).then_some(error)
}

fn refused(error: &SupabaseError, report: &mut Report) {
    match error.kind {
        SupabaseErrorKind::TokenRefused => report.problem(
            format!(
                "SUPABASE_JWT_SECRET is not the project's secret: PostgREST refuses a token signed \
                 with it ({error})"
            ),
            "copy it from the project's settings, or leave it empty",
        ),
        SupabaseErrorKind::TokenExpired | SupabaseErrorKind::TokenTooEarly => report.problem(
            format!("this machine's clock differs from PostgREST's: {error}"),
            "set it by NTP",
        ),
        _ => report.skipped(format!("requests of a signed-in user could not be tried: {error}")),
    }
}

/// What is wrong with a table for a signed-in user who has no rows.
async fn check_table(
    supabase: &Supabase,
    token: &AccessToken,
    table: &TableDescription,
    expected: &Expected,
) -> Vec<String> {
    let name = table.name;
    let granted = granted(expected, &format!("table public.{name}"));
    let mut wrong = Vec::new();
    let from = || supabase.rest(Caller::User(token)).from(name);
    match from().select(&table.columns.join(",")).limit(1).rows().await {
        Ok(rows) if !rows.is_empty() => {
            wrong.push(format!("table {name}: a signed-in user sees rows of others"));
        }
        Ok(_) => {}
        Err(error) => wrong.push(format!("table {name}: a signed-in user cannot read it: {error}")),
    }
    let nobody = || from().eq("user_id", Uuid::nil());
    let update = nobody().update(&json!({ "user_id": Uuid::nil() })).rows().await.map(drop);
    let delete = nobody().delete().rows().await.map(drop);
    for (privilege, answer) in [("update", update), ("delete", delete)] {
        let what = format!("table {name}: a signed-in user");
        match (granted.contains(privilege), answer) {
            (true, Err(error)) => wrong.push(format!("{what} cannot {privilege} rows: {error}")),
            (false, Err(error)) if is_refused(&error) => {}
            (false, _) => wrong.push(format!("{what} may {privilege} rows, which are to stay")),
            (true, Ok(())) => {}
        }
    }
    wrong
}

/// What is wrong with a function. Without arguments, none of them changes anything.
async fn check_function(
    supabase: &Supabase,
    token: &AccessToken,
    function: &FunctionDescription,
    expected: &Expected,
) -> Option<String> {
    let name = function.name;
    let null = |name: &&str| ((*name).to_owned(), Value::Null);
    let arguments: Map<_, _> = function.parameters.iter().map(null).collect();
    let call = supabase.rest(Caller::User(token)).call(name, &arguments);
    let error = call.rows().await.err();
    let is_closed = error.as_ref().is_some_and(is_refused);
    let prefix = format!("function public.{name}(");
    match (granted(expected, &prefix).contains("execute"), error) {
        (true, Some(error)) if is_closed || error.kind == SupabaseErrorKind::SchemaMismatch => {
            Some(format!("function {name}: a signed-in user cannot call it: {error}"))
        }
        (false, _) if !is_closed => Some(format!(
            "function {name}: a signed-in user may call it, which only the server may"
        )),
        _ => None,
    }
}

/// What the migrations grant to signed-in users.
fn granted(expected: &Expected, name: &str) -> BTreeSet<String> {
    let object = expected.objects.iter().find(|(object, _)| object.starts_with(name));
    let grants = object.and_then(|(_, object)| object.aspects.get("authenticated may"));
    grants.map(|grants| grants.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}
