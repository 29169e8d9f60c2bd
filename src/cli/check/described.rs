//! Compares the database's description of itself with the migrations. Requires the service key.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::Report;
use super::outside::is_refused;
use super::schema::{Description, Environment, Expected, compare};
use crate::app::App;
use crate::supabase::{Caller, SupabaseError, SupabaseErrorKind};

const FUNCTION: &str = "describe_schema";
const ENVIRONMENT: &str = "describe_environment";
/// What nothing else shows.
const HIDDEN: &str = "policies, grants, functions, triggers, indexes, constraints and the bucket's \
                      settings could not be looked at";
const REALTIME: &str = "publication supabase_realtime";
/// Tokens are refused from here on.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(30);
const NOTED_CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

/// Returns whether the database could be compared.
pub(super) async fn check(app: &App, report: &mut Report) -> bool {
    if !app.state.supabase.has_service_key() {
        report.skipped(format!("{HIDDEN}: only with SUPABASE_SERVICE_ROLE_KEY"));
        return false;
    }
    let expected = Expected::committed();
    let asked_at = app.state.clock.now();
    let found = match ask(app, &expected).await {
        Ok(found) => found,
        Err(error) => {
            refused(&error, &expected, report);
            report.skipped(HIDDEN);
            return false;
        }
    };
    clocks(asked_at, app.state.clock.now(), found.now, report);
    report.pass(format!("the database is {}", found.server));
    let found = match environment(app, &expected).await {
        Ok(environment) => {
            if !environment.objects.contains_key(REALTIME) && !found.is_local() {
                report
                    .note("there is no publication supabase_realtime: Realtime tells of no change");
            }
            found.within(environment)
        }
        Err(error) => {
            report.skipped(format!(
                "settings of roles, the publication and what others have made could not be looked at: \
                 {error}"
            ));
            found
        }
    };
    compared(&expected, &found, app.state.files.max_bytes, report);
    true
}

async fn ask(app: &App, expected: &Expected) -> Result<Description, SupabaseError> {
    let arguments = json!({ "p_names": expected.names() });
    let call = app.state.supabase.rest(Caller::Service).call(FUNCTION, &arguments);
    call.repeatable().value().await
}

async fn environment(app: &App, expected: &Expected) -> Result<Environment, SupabaseError> {
    let arguments = json!({ "p_names": expected.names() });
    let call = app.state.supabase.rest(Caller::Service).call(ENVIRONMENT, &arguments);
    call.repeatable().value().await
}

fn refused(error: &SupabaseError, expected: &Expected, report: &mut Report) {
    let signature = format!("function public.{FUNCTION}(");
    let function = expected.objects.iter().find(|(name, _)| name.starts_with(&signature));
    let file = function.and_then(|(_, function)| function.created_by()).unwrap_or_default();
    if error.kind == SupabaseErrorKind::SchemaMismatch && !is_refused(error) {
        report.problem(
            format!("the function {FUNCTION} cannot be called: {error}"),
            format!("apply supabase/migrations/{file}: supabase db push"),
        );
    } else {
        report.problem(
            format!("the database does not describe itself: {error}"),
            "check SUPABASE_SERVICE_ROLE_KEY, and whether /rest/v1 of the project works",
        );
    }
}

/// The database's clock was read between these two times.
fn clocks(before: Timestamp, after: Timestamp, theirs: Timestamp, report: &mut Report) {
    let (ahead, behind) = (theirs.duration_since(after), before.duration_since(theirs));
    let difference = ahead.max(behind).unsigned_abs();
    let seconds = difference.as_secs();
    let which = if ahead > behind { "behind" } else { "ahead of" };
    if ahead.max(behind).is_negative() || difference < NOTED_CLOCK_DIFFERENCE {
        report.pass("this machine's clock agrees with the database's");
    } else if difference < MAX_CLOCK_DIFFERENCE {
        report.note(format!("this machine's clock is {seconds} s {which} the database's"));
    } else {
        report.problem(
            format!("this machine's clock is {seconds} s {which} the database's"),
            "set it by NTP: tokens are refused too early or too late",
        );
    }
}

fn compared(expected: &Expected, found: &Description, max_file_bytes: u64, report: &mut Report) {
    let expected = &expected.visible_in(found);
    for (name, why) in &found.unseen {
        report.skipped(format!("{name} could not be looked at: {why}"));
    }
    let differences = compare(expected, found, max_file_bytes);
    for difference in &differences {
        if difference.is_problem {
            report.problem(&difference.what, &difference.remedy);
        } else {
            report.note(&difference.what);
        }
    }
    if differences.iter().any(|difference| difference.is_problem) {
        return;
    }
    report.pass(format!("the database is as the migrations say: {}", counted(expected, found)));
    if found.is_local() {
        report
            .note("its functions, policies and grants are a part of this program and need no look");
    }
}

/// `6 tables, 43 functions`
fn counted(expected: &Expected, found: &Description) -> String {
    let seen: Vec<_> =
        expected.objects.keys().filter(|name| found.objects.contains_key(*name)).collect();
    let kinds = [
        ("table", "tables"),
        ("column", "columns"),
        ("constraint", "constraints"),
        ("index", "indexes"),
        ("trigger", "triggers"),
        ("policy", "policies"),
        ("function", "functions"),
        ("bucket", "bucket"),
    ];
    let count =
        |kind: &str| seen.iter().filter(|name| name.split(' ').next() == Some(kind)).count();
    let counts = kinds.into_iter().map(|(kind, plural)| (count(kind), plural));
    let words: Vec<_> = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, plural)| format!("{count} {plural}"))
        .collect();
    words.join(", ")
}
