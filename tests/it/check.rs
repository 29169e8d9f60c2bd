//! `chat-backend check`.

use std::collections::HashMap;
use std::path::Path;

use chat_backend::check::{self, Report};
use chat_backend::clock::Clock;
use serde_json::json;

use crate::support::{
    FakeProvider, FakeSupabase, Key, Outcome, Program, REQUEST_TIMEOUT_MS, config, run,
};

const REFUSED: Outcome = Outcome::Recorded("postgrest/119-err-permission-denied-anon.txt");
const MIGRATE: &str = "→ apply the files of supabase/migrations";

/// A project with everything in it, as far as anonymous requests can tell.
async fn supabase() -> FakeSupabase {
    let supabase = FakeSupabase::start().await;
    supabase.publish(&[Key::es256("first").jwk]);
    supabase.always("/rest/v1", REFUSED);
    supabase
}

async fn check(supabase: &FakeSupabase, more: &[(&str, &str)]) -> Report {
    let settings = [&supabase.settings(), more].concat();
    let settings: HashMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    check::run(config(Path::new("unused"), &settings), Clock::System).await
}

/// The only problem, as it is reported.
#[track_caller]
fn problem(report: &Report) -> String {
    let text = report.to_string();
    assert_eq!(report.problems(), 1, "{text}");
    let (_, problem) = text.split_once("✗ ").unwrap();
    problem.lines().take(2).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_project_that_has_everything_is_well() {
    let report = check(&supabase().await, &[]).await;
    assert_eq!(report.problems(), 0, "{report}");
    let text = report.to_string();
    for line in [
        "✓ signing keys are published: 1",
        "✓ table messages: 20 columns, closed to anonymous requests",
        "✓ function begin_generation, closed",
        "– openai is not set up",
        "All is well.",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn what_the_migrations_create_is_missed() {
    for (path, answer, problem_is) in [
        ("/rest/v1/chats", "111-err-missing-table", "table chats"),
        ("/rest/v1/messages", "113-err-missing-column-select", "table messages"),
        ("/rest/v1/rpc/save_generation", "102-rpc-missing", "function save_generation"),
        ("/rest/v1/rpc/toggle_chat", "103-rpc-missing-args", "function toggle_chat"),
    ] {
        let supabase = supabase().await;
        supabase.always(path, Outcome::Recorded(format!("postgrest/{answer}.txt").leak()));
        let problem = problem(&check(&supabase, &[]).await);
        assert!(problem.starts_with(problem_is) && problem.contains(MIGRATE), "{problem}");
    }
}

#[tokio::test]
async fn what_is_open_to_everybody_is_a_problem() {
    let supabase = supabase().await;
    supabase.always("/rest/v1/usage_logs", Outcome::json(200, &json!([])));
    let problem = problem(&check(&supabase, &[]).await);
    assert!(problem.starts_with("table usage_logs: 20 columns: open to everybody"), "{problem}");
}

#[tokio::test]
async fn a_postgrest_that_fails_is_one_problem() {
    for outcome in [
        Outcome::json(401, &json!({ "message": "Invalid API key" })),
        Outcome::Recorded("postgrest/125-err-jwt-garbage.txt"),
        Outcome::Closed,
    ] {
        let supabase = supabase().await;
        supabase.always("/rest/v1", outcome);
        let problem = problem(&check(&supabase, &[]).await);
        assert!(problem.contains("→ check SUPABASE_ANON_KEY"), "{problem}");
    }
}

#[tokio::test]
async fn policies_are_read_with_the_service_key() {
    let all = json!({ "row_security": true, "policies": ["DELETE", "INSERT", "SELECT", "UPDATE"] });
    let off = json!({ "row_security": false, "policies": all["policies"] });
    let few = json!({ "row_security": true, "policies": ["SELECT"] });
    for (name, table, is_well) in [
        ("chats", &all, true),
        ("chats", &off, false),
        ("chats", &few, false),
        ("other", &all, false),
    ] {
        let tables = json!({ name: table, "messages": all, "usage_logs": all, "analytics": all,
                             "files": all, "script_runs": all });
        let told = json!({ "version": "PostgreSQL 17.6", "tables": tables });
        let supabase = supabase().await;
        let service = "sb_secret_test";
        supabase.always_as(service, "/rest/v1", Outcome::json(200, &json!([])));
        supabase.always_as(service, "/rest/v1/rpc/schema_report", Outcome::json(200, &told));
        supabase.always_as(service, "/storage/v1", Outcome::json(200, &json!([])));
        let report = check(&supabase, &[("SUPABASE_SERVICE_ROLE_KEY", service)]).await;
        if is_well {
            assert_eq!(report.problems(), 0, "{report}");
            assert!(report.to_string().contains("the database is PostgreSQL 17.6"), "{report}");
        } else {
            let problem = problem(&report);
            assert!(problem.starts_with("row-level security") && problem.contains(": chats"));
        }
    }
}

#[tokio::test]
async fn a_service_key_that_is_refused_is_a_problem() {
    let settings = [("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_old")];
    let report = check(&supabase().await, &settings).await.to_string();
    assert!(report.contains("✗ the service key is refused"), "{report}");
}

#[tokio::test]
async fn keys_in_the_wrong_place_are_noticed() {
    let secret = "a-legacy-secret-of-at-least-32-bytes";
    let key = |role| Key::hs256(secret.as_bytes()).sign(&json!({ "role": role }));
    let (anon, service) = (key("anon"), key("service_role"));
    for (settings, expected) in [
        (vec![("SUPABASE_ANON_KEY", "sb_secret_test")], "SUPABASE_ANON_KEY is the service key"),
        (vec![("SUPABASE_ANON_KEY", &*service)], "SUPABASE_ANON_KEY is the service key"),
        (
            vec![("SUPABASE_ANON_KEY", &*anon), ("SUPABASE_JWT_SECRET", "another")],
            "SUPABASE_JWT_SECRET is not the secret that signed the anon key",
        ),
    ] {
        let problem = problem(&check(&supabase().await, &settings).await);
        assert!(problem.starts_with(expected), "{problem}");
    }
    let fits = [("SUPABASE_ANON_KEY", &*anon), ("SUPABASE_JWT_SECRET", secret)];
    let report = check(&supabase().await, &fits).await;
    assert_eq!(report.problems(), 0, "{report}");
}

#[tokio::test]
async fn an_issuer_that_is_not_expected_is_noticed() {
    let supabase = supabase().await;
    let configuration = json!({ "issuer": "https://chat.example.com/auth/v1" });
    let path = "/auth/v1/.well-known/openid-configuration";
    supabase.always(path, Outcome::json(200, &configuration));
    let problem = problem(&check(&supabase, &[]).await);
    assert!(problem.ends_with("→ set SUPABASE_PUBLIC_URL=https://chat.example.com"), "{problem}");
    let public = [("SUPABASE_PUBLIC_URL", "https://chat.example.com")];
    assert_eq!(check(&supabase, &public).await.problems(), 0);
}

#[tokio::test]
async fn a_supabase_that_does_not_answer_is_given_up_in_time() {
    let supabase = supabase().await;
    supabase.always("/auth/v1", Outcome::Silence);
    let problem = problem(&check(&supabase, &[(REQUEST_TIMEOUT_MS, "100")]).await);
    assert!(problem.starts_with("Auth does not answer"), "{problem}");
    assert_eq!(supabase.asked("/").len(), 1);
}

#[tokio::test]
async fn providers_are_asked_for_their_models() {
    let openai = FakeProvider::with([]).await;
    let anthropic = FakeSupabase::start().await;
    let refused = json!({ "error": { "type": "authentication_error", "message": "invalid key" } });
    anthropic.always("/v1/models", Outcome::json(401, &refused));
    let settings = [
        ("OPENAI_BASE_URL", openai.url.as_str()),
        ("ANTHROPIC_BASE_URL", anthropic.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-ant-secret"),
    ];
    let report = check(&supabase().await, &settings).await;
    let problem = problem(&report);
    assert!(problem.starts_with("anthropic does not list its models"), "{problem}");
    assert!(problem.ends_with("→ check ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL"), "{problem}");
    let report = report.to_string();
    assert!(report.contains("– openai answers, but lists no models"), "{report}");
    assert!(!report.contains("sk-ant-secret"));

    openai.offers(json!({ "object": "list", "data": [{ "id": "llama3.2", "object": "model" }] }));
    let further = [settings[0], ("OPENAI_COMPATIBLE_LOCAL_BASE_URL", "http://127.0.0.1:9")];
    let report = check(&supabase().await, &further).await;
    let problem = self::problem(&report);
    let variables = "check OPENAI_COMPATIBLE_LOCAL_API_KEY and OPENAI_COMPATIBLE_LOCAL_BASE_URL";
    assert!(problem.contains(variables), "{problem}");
    let report = report.to_string();
    assert!(report.contains("✓ openai takes the key and lists its models (1)"), "{report}");
}

#[test]
fn the_program_checks_the_local_supabase() {
    // A proxy is not for this machine.
    let output = run(&["check"], &[("HTTP_PROXY", "http://127.0.0.1:9")]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(report.contains("row-level security is on") && report.ends_with("All is well.\n"));
}

#[test]
fn the_program_checks_a_running_local_supabase() {
    let server = Program::start(&[]);
    let addr = server.supabase_url.trim_start_matches("http://");
    let data_dir = server.data_dir();
    let settings = [("DATA_DIR", data_dir.as_str()), ("LOCAL_SUPABASE_ADDR", addr)];
    let output = run(&["check"], &settings);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(report.contains("a running server has it and is asked at"), "{report}");
}

#[test]
fn the_program_fails_when_something_is_wrong() {
    let settings =
        [("SUPABASE_URL", "http://127.0.0.1:9"), ("SUPABASE_ANON_KEY", "sb_publishable_test")];
    let output = run(&["check"], &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("✗ Auth does not answer"));

    let output = run(&["check"], &[("SUPABASE_URL", "nonsense")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("SUPABASE_URL: "));
}
