//! Whether Supabase answers, publishes its keys and has what the migrations create.

use tokio::time::Instant;

use super::{Report, bucket, described, files, keys, max_rows, outside, signed_in, tool_functions};
use crate::app::App;
use crate::config::SupabaseConfig;
use crate::supabase::Supabase;

pub(super) async fn check(app: &App, report: &mut Report) {
    report.section(format!("Supabase at {}", app.project.url));
    let supabase = &app.state.supabase;
    let secret_may_fit = keys::check(&app.project, report);
    if !auth_answers(supabase, report).await {
        report.skipped("nothing else was asked");
        return;
    }
    issuer(app, report).await;
    signing_keys(app, report).await;
    if !matches!(app.config.supabase, SupabaseConfig::Local(_)) {
        report.note("sign-ins are not tried: what Auth's hooks make of them shows only then");
    }
    if outside::check(supabase, report).await {
        let was_compared = described::check(app, report).await;
        if secret_may_fit {
            signed_in::check(app, was_compared, report).await;
        }
        max_rows::check(supabase, report).await;
        bucket::check(app, was_compared, report).await;
        tool_functions::check(app, report).await;
    } else {
        report.skipped("tables, functions, policies and the bucket were not looked at");
    }
    if supabase.has_service_key() {
        files::check(&app.state.files, report).await;
    } else {
        report.skipped("whether files have their bytes: only with SUPABASE_SERVICE_ROLE_KEY");
    }
}

async fn auth_answers(supabase: &Supabase, report: &mut Report) -> bool {
    let started = Instant::now();
    match supabase.auth_version().await {
        Ok(version) => {
            let version = version.map_or_else(String::new, |version| format!(" {version}"));
            report.pass(format!("Auth{version} answers in {} ms", started.elapsed().as_millis()));
            true
        }
        Err(error) => {
            report.problem(
                format!("Auth does not answer: {error}"),
                "check SUPABASE_URL and SUPABASE_ANON_KEY; a project that was paused has to be \
                 resumed in the dashboard",
            );
            false
        }
    }
}

/// Older versions of Auth do not report it.
async fn issuer(app: &App, report: &mut Report) {
    let Ok(Some(issuer)) = app.state.supabase.issuer().await else { return };
    let expected = format!("{}/auth/v1", app.project.public_url);
    if issuer.trim_end_matches('/') == expected {
        report.pass(format!("tokens are issued by {issuer}"));
        return;
    }
    report.problem(
        format!("tokens are issued by {issuer}, but {expected} is expected: all would be refused"),
        match issuer.trim_end_matches('/').strip_suffix("/auth/v1") {
            Some(public_url) => format!("set SUPABASE_PUBLIC_URL={public_url}"),
            None => "let the issuer of Supabase Auth end with /auth/v1".to_owned(),
        },
    );
}

async fn signing_keys(app: &App, report: &mut Report) {
    match app.state.supabase.signing_keys().await {
        Ok(set) if !set.keys.is_empty() => {
            report.pass(format!("signing keys are published: {}", set.keys.len()));
        }
        Ok(_) if app.project.jwt_secret.is_some() => {
            report.pass("no signing keys are published; SUPABASE_JWT_SECRET verifies tokens");
        }
        Ok(_) => report.note(
            "no signing keys are published: Auth is asked about each token once a minute. Signing \
             keys (or SUPABASE_JWT_SECRET) are faster",
        ),
        Err(error) => report.problem(
            format!("the signing keys cannot be read: {error}"),
            "the address /auth/v1/.well-known/jwks.json has to be open",
        ),
    }
}
