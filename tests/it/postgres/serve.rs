//! PostgreSQL behind the SQL that PostgREST makes, as a project to run all other tests on. CONTRIBUTING.md says how.

use tokio::net::TcpListener;

use super::database;
use super::postgrest::Postgrest;

#[tokio::test]
#[ignore = "it serves until it is ended"]
#[expect(clippy::disallowed_methods, reason = "settings of the tests, not of the server")]
async fn a_project() {
    let setting = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing"));
    let listener = TcpListener::bind(setting("SERVE_ADDR")).await.unwrap();
    let db = database().await.expect("PostgreSQL is installed");
    let supabase = setting("SERVE_LOCAL_SUPABASE");
    let _serving = Postgrest::at(listener, db, &supabase, &setting("SERVE_SERVICE_KEY")).await;
    std::future::pending::<()>().await;
}
