//! `chat-backend check`: whether the settings, Supabase and the providers' keys are usable. It changes
//! nothing, except that it creates the local Supabase's folder if it is missing, and takes no longer
//! than its timeouts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::{App, running_local_supabase};
use crate::clock::Clock;
use crate::config::{Config, SupabaseConfig};
use crate::server;
use crate::server::connections::Connections;

mod bucket;
mod described;
mod files;
mod keys;
mod max_rows;
mod outside;
mod providers;
mod report;
pub mod schema;
mod signed_in;
mod supabase;
mod tools;
mod tool_functions;

pub use report::Report;

/// The timeout of one request to Supabase.
const SUPABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks everything that `config` names.
pub async fn run(mut config: Config, clock: Clock) -> Report {
    let is_local = matches!(config.supabase, SupabaseConfig::Local(_));
    let mut report = Report::default();
    report.section(format!("chat-backend {}", env!("CARGO_PKG_VERSION")));
    // A running server may have that address.
    config.metrics_addr = None;
    config.request_timeout = config.request_timeout.min(SUPABASE_TIMEOUT);
    if let Some(app) = build(config, clock, &mut report).await {
        let stop = CancellationToken::new();
        let app = serve_local(app, &stop);
        supabase::check(&app, &mut report).await;
        providers::check(&app, &mut report).await;
        // A running server with a local Supabase has a key of its own.
        if app.state.seal_keys.is_none() && !is_local {
            report.note(
                "neither SEAL_KEY nor a service key is set: tools that ask a person first are not run",
            );
        }
        if app.config.assistants_only && app.config.file.current().assistants.is_empty() {
            report.problem(
                "ASSISTANTS_ONLY is set, and CONFIG_FILE has no assistant: every question is refused",
                "add one to the file: [assistants.<id>]",
            );
        }
        tools::check(&app, &mut report).await;
        stop.cancel();
    }
    report
}

async fn build(mut config: Config, clock: Clock, report: &mut Report) -> Option<App> {
    for problem in &config.misspelt {
        report.problem(problem, ".env.example has the names of all settings");
    }
    let mut usual = None;
    if let SupabaseConfig::Local(local) = &mut config.supabase {
        usual = Some(local.clone());
        // On any port: a server may be running on the usual one.
        local.addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let data_dir = local.data_dir.display();
        report.note(format!("SUPABASE_URL is not set: the local Supabase in {data_dir} is used"));
    }
    let mut built = App::build(config.clone(), clock.clone()).await;
    if let (Err(error), Some(local)) = (&built, usual)
        && error.is_in_use()
    {
        report.note(format!("a running server has it and is asked at {}", local.addr));
        config.supabase = SupabaseConfig::Project(running_local_supabase(&local));
        built = App::build(config, clock).await;
    }
    match built {
        Ok(app) => {
            report.pass("the settings can be used");
            Some(app)
        }
        Err(error) => {
            report.problem(error.to_string(), ".env.example says what each variable means");
            None
        }
    }
}

/// Starts the local Supabase, if it is in use: it is checked like any other.
fn serve_local(mut app: App, stop: &CancellationToken) -> App {
    if let Some(local) = app.local_supabase.take() {
        let connections = Connections::new(app.config.max_connections, &app.config);
        tokio::spawn(server::listen(local.listener, local.router, connections, stop.clone()));
    }
    app
}
