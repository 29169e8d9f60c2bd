//! `chat-backend check`.

mod program;
mod signed_in;

use std::collections::HashMap;
use std::path::Path;

use chat_backend::cli::check;
use chat_backend::cli::check::Report;
use chat_backend::cli::check::schema::Expected;
use chat_backend::clock::Clock;
use serde_json::{Map, Value, json};

use crate::support::{
    AS_USER, FakeProvider, FakeSupabase, Key, Outcome, REQUEST_TIMEOUT_MS, config, new_folder,
};

const REFUSED: Outcome = Outcome::Recorded("postgrest/119-err-permission-denied-anon.txt");

const MIGRATE: &str = "→ apply the files of supabase/migrations";

const SERVICE: &str = "sb_secret_test";

const WITH_SERVICE: (&str, &str) = ("SUPABASE_SERVICE_ROLE_KEY", SERVICE);

const SECRET: &str = "a-legacy-secret-of-at-least-32-bytes";

const WITH_SECRET: (&str, &str) = ("SUPABASE_JWT_SECRET", SECRET);

/// A project with everything in it.
async fn supabase() -> FakeSupabase {
    let supabase = FakeSupabase::start().await;
    supabase.publish(&[Key::es256("first").jwk]);
    supabase.always("/rest/v1", REFUSED);
    let hidden = Outcome::error(406, "PGRST106", "Invalid schema: private");
    supabase.always("/rest/v1/token_reservations", hidden);
    supabase.always("/storage/v1/object/public", no_such_bucket());

    let nothing = || Outcome::json(200, &json!([]));
    supabase.always_as(AS_USER, "/rest/v1", nothing());
    for closed in [
        "PATCH /rest/v1/usage_logs",
        "DELETE /rest/v1/usage_logs",
        "PATCH /rest/v1/analytics",
        "DELETE /rest/v1/analytics",
        "PATCH /rest/v1/script_runs",
        "PATCH /rest/v1/passages",
        "DELETE /rest/v1/passages",
        "PATCH /rest/v1/indexed_files",
        "DELETE /rest/v1/indexed_files",
        "/rest/v1/rpc/release_leases",
        "/rest/v1/rpc/schema_report",
        "/rest/v1/rpc/describe_schema",
        "/rest/v1/rpc/describe_environment",
        "/rest/v1/rpc/begin_account_deletion",
        "/rest/v1/rpc/delete_account_rows",
        "/rest/v1/rpc/end_account_deletion",
        "/rest/v1/rpc/claim_account_deletions",
        "/rest/v1/rpc/usage_of_all_users",
    ] {
        supabase.always_as(AS_USER, closed, REFUSED);
    }

    supabase.always_as(SERVICE, "/rest/v1", nothing());
    supabase.always_as(SERVICE, "/rest/v1/rpc/describe_schema", described(|_| {}));
    let environment =
        json!({ "objects": { "publication supabase_realtime": { "leaves out": "" } } });
    let environment = Outcome::json(200, &environment);
    supabase.always_as(SERVICE, "/rest/v1/rpc/describe_environment", environment);
    supabase.always_as(SERVICE, "/storage/v1", nothing());
    supabase
}

fn no_such_bucket() -> Outcome {
    let error = json!({ "statusCode": "404", "error": "Bucket not found",
                        "message": "Bucket not found", "code": "NoSuchBucket" });
    Outcome::json(400, &error)
}

/// What a database says of itself to which nothing but the migrations and `change` was applied.
fn described(change: impl FnOnce(&mut Value)) -> Outcome {
    let objects = Expected::committed().objects.into_iter();
    let objects: Map<_, _> = objects.map(|(name, object)| (name, json!(object.aspects))).collect();
    let now = Clock::System.now().to_string();
    let mut answer =
        json!({ "server": "PostgreSQL 17.6", "now": now, "objects": objects, "unseen": {} });
    change(&mut answer);
    Outcome::json(200, &answer)
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
        "✓ table messages: 25 columns, closed to anonymous requests",
        "✓ function begin_generation, closed",
        "✓ the schema private is hidden",
        "✓ Storage answers, and the bucket files gives nothing to the public",
        "– openai is not set up",
        "? policies, grants, functions",
        "? requests of a signed-in user could not be tried: without SUPABASE_JWT_SECRET",
        "? PostgREST's max rows: only with SUPABASE_SERVICE_ROLE_KEY",
        "? whether the bucket files is there",
        "\nNo problem found; 5 things could not be looked at.\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn with_the_keys_everything_is_looked_at() {
    for settings in [&[WITH_SERVICE][..], &[WITH_SERVICE, WITH_SECRET]] {
        let text = check(&supabase().await, settings).await.to_string();
        for line in [
            "✓ the database is PostgreSQL 17.6",
            "✓ this machine's clock agrees with the database's",
            "✓ the database is as the migrations say: ",
            "\nAll is well.\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
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
async fn a_database_without_the_migrations_is_one_problem() {
    let supabase = supabase().await;
    supabase.always("/rest/v1", Outcome::Recorded("postgrest/111-err-missing-table.txt"));
    let problem = problem(&check(&supabase, &[]).await);
    assert!(problem.starts_with("none of the tables is there"), "{problem}");
    assert!(problem.contains(MIGRATE), "{problem}");
}

#[tokio::test]
async fn what_is_open_to_everybody_is_a_problem() {
    let supabase = supabase().await;
    supabase.always("/rest/v1/usage_logs", Outcome::json(200, &json!([])));
    let problem = problem(&check(&supabase, &[]).await);
    assert!(problem.starts_with("table usage_logs: 24 columns: open to everybody"), "{problem}");
}

#[tokio::test]
async fn a_postgrest_that_fails_is_one_problem() {
    for outcome in [
        Outcome::json(401, &json!({ "message": "Invalid API key" })),
        Outcome::Recorded("postgrest/125-err-jwt-garbage.txt"),
        Outcome::Closed,
        Outcome::json(200, &json!("Maintenance")),
        Outcome::status(200),
    ] {
        let supabase = supabase().await;
        supabase.always("/rest/v1", outcome);
        let problem = problem(&check(&supabase, &[]).await);
        assert!(problem.contains("→ check SUPABASE_ANON_KEY"), "{problem}");
    }
}

#[tokio::test]
async fn what_differs_from_the_migrations_is_named() {
    let open = |answer: &mut Value| {
        answer["objects"]["policy chats_select on public.chats"]["using"] = json!("true");
    };
    let behind = |answer: &mut Value| {
        answer["now"] = json!((Clock::System.now() - jiff::Span::new().minutes(2)).to_string());
    };
    let hostile = |answer: &mut Value| {
        answer["objects"]["policy \u{1b}[2J on public.chats"] = json!({ "kind": "permissive" });
    };
    for (answer, expected) in [
        (
            described(open),
            "policy chats_select on public.chats: using: true (the migrations say: ((",
        ),
        (described(behind), "this machine's clock is 12"),
        (described(hostile), r"policy \u{1b}[2J on public.chats is not of the migrations"),
        (Outcome::json(500, &json!({})), "the database does not describe itself"),
    ] {
        let supabase = supabase().await;
        supabase.always_as(SERVICE, "/rest/v1/rpc/describe_schema", answer);
        let problem = problem(&check(&supabase, &[WITH_SERVICE]).await);
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[tokio::test]
async fn functions_that_cannot_be_tools_are_named() {
    let file = new_folder().with_extension("toml");
    std::fs::write(&file, "[[tools]]\nkind = \"postgres\"\nname = \"db\"\n").unwrap();
    let function = |name: &str, is_overloaded: bool| {
        json!({ "name": name, "comment": "@tool Does it.", "volatility": "stable", "arguments": [],
            "is_security_definer": false, "returns_set": false, "is_overloaded": is_overloaded })
    };
    let listed = json!({ "functions": [function("find", false), function("lookup", true)] });
    let supabase = supabase().await;
    let path = "/rest/v1/rpc/list_tool_functions";
    supabase.always_as(SERVICE, path, Outcome::json(200, &listed));
    let settings = [WITH_SERVICE, ("CONFIG_FILE", file.to_str().unwrap())];
    let report = check(&supabase, &settings).await;
    std::fs::remove_file(&file).unwrap();
    let problem = problem(&report);
    assert!(problem.starts_with("tool function lookup: it is overloaded"), "{problem}");
    assert!(report.to_string().contains("✓ functions that models may call: find"), "{report}");
}

#[tokio::test]
async fn an_older_database_cannot_describe_itself() {
    let supabase = supabase().await;
    let missing = Outcome::Recorded("postgrest/102-rpc-missing.txt");
    supabase.always_as(SERVICE, "/rest/v1/rpc/describe_schema", missing);
    let report = check(&supabase, &[WITH_SERVICE]).await;
    let problem = problem(&report);
    assert!(problem.starts_with("the function describe_schema cannot be called"), "{problem}");
    assert!(
        problem.ends_with("→ apply supabase/migrations/20261126000003_check.sql: supabase db push")
    );
    assert!(report.to_string().contains("? policies, grants, functions"), "{report}");
}

#[tokio::test]
async fn what_could_not_be_read_is_said() {
    let supabase = supabase().await;
    let answer = described(|answer| {
        answer["objects"].as_object_mut().unwrap().remove("bucket files");
        answer["unseen"] = json!({ "bucket files": "permission denied for table buckets" });
    });
    supabase.always_as(SERVICE, "/rest/v1/rpc/describe_schema", answer);
    let report = check(&supabase, &[WITH_SERVICE]).await;
    assert_eq!((report.problems(), report.skipped_count()), (0, 1), "{report}");
    let text = report.to_string();
    assert!(text.contains("? bucket files could not be looked at: permission denied"), "{text}");
    let missing = Outcome::Recorded("postgrest/102-rpc-missing.txt");
    for (answer, skipped, line) in [
        (missing, 2, "? settings of roles, the publication"),
        (Outcome::json(200, &json!({ "objects": {} })), 1, "– there is no publication"),
    ] {
        supabase.always_as(SERVICE, "/rest/v1/rpc/describe_environment", answer);
        let report = check(&supabase, &[WITH_SERVICE]).await;
        assert_eq!((report.problems(), report.skipped_count()), (0, skipped), "{report}");
        assert!(report.to_string().contains(line), "{report}");
    }
}

#[tokio::test]
async fn what_shows_without_keys_is_looked_at() {
    let no_such_key = json!({ "statusCode": "404", "error": "not_found",
                              "message": "Object not found", "code": "NoSuchKey" });
    for (path, answer, expected) in [
        ("/rest/v1/token_reservations", REFUSED, "the schema private is exposed"),
        (
            "/rest/v1/token_reservations",
            Outcome::json(200, &json!([])),
            "the schema private is exposed",
        ),
        (
            "/storage/v1/object/public",
            Outcome::json(400, &no_such_key),
            "the bucket files is public",
        ),
        ("/storage/v1", Outcome::status(502), "Storage does not answer as it should"),
        // A gateway that answers everything with a page of its own.
        (
            "/storage/v1",
            Outcome::json(200, &json!("Maintenance")),
            "Storage does not answer as it should",
        ),
    ] {
        let supabase = supabase().await;
        supabase.always(path, answer);
        let problem = problem(&check(&supabase, &[]).await);
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[tokio::test]
async fn a_supabase_that_does_not_answer_is_given_up_in_time() {
    let supabase = supabase().await;
    supabase.always("/auth/v1", Outcome::Silence);
    let problem = problem(&check(&supabase, &[(REQUEST_TIMEOUT_MS, "100")]).await);
    assert!(problem.starts_with("Auth does not answer"), "{problem}");
    assert_eq!(supabase.requests_to("/").len(), 1);
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

    openai
        .set_models(json!({ "object": "list", "data": [{ "id": "llama3.2", "object": "model" }] }));
    let further = [settings[0], ("OPENAI_COMPATIBLE_LOCAL_BASE_URL", "http://127.0.0.1:9")];
    let report = check(&supabase().await, &further).await;
    let problem = self::problem(&report);
    let variables = "check OPENAI_COMPATIBLE_LOCAL_API_KEY and OPENAI_COMPATIBLE_LOCAL_BASE_URL";
    assert!(problem.contains(variables), "{problem}");
    let report = report.to_string();
    assert!(report.contains("✓ openai takes the key and lists its models (1)"), "{report}");
}
