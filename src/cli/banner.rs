//! The banner that is printed at startup.

use std::fmt::Write;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::app::{App, url_of};
use crate::config::SupabaseConfig;

/// The addresses, the providers, where the data lies, and what to do next.
pub fn text(app: &App, listener: &TcpListener) -> String {
    let mut text = format!("\n  chat-backend {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<14}{value}");
    };
    let address = match listener.local_addr() {
        Ok(address) => url_of(address),
        Err(_) => "unknown".to_owned(),
    };
    line("API", &format!("{address}/api"));
    line("Docs", &format!("{address}/docs and {address}/redoc"));
    match &app.config.supabase {
        SupabaseConfig::Local(local) => {
            let data_dir = &local.data_dir;
            let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
            line("Supabase", &format!("{} (local, in this process)", app.project.public_url));
            line(
                "  key",
                &format!(
                    "{} (publishable, for your front end)",
                    app.project.anon_key.expose_secret()
                ),
            );
            line("Data", &data_dir.display().to_string());
        }
        SupabaseConfig::Project(project) => line("Supabase", &project.public_url),
    }
    line("Models", &models(app));
    line("Next", &next(app, &address));
    text.push('\n');
    text
}

fn models(app: &App) -> String {
    let providers = app.state.ai.providers();
    let configured = providers.statuses().filter(|provider| provider.is_configured);
    let on: Vec<_> = configured.map(|provider| provider.name.to_string()).collect();
    format!("{} (default: {})", on.join(", "), providers.default_model())
}

/// What a person may do now, or later: only what has not been done.
fn next(app: &App, address: &str) -> String {
    let mut steps = vec![format!("open {address}/console")];
    let providers = app.state.ai.providers().statuses();
    // The scripted one needs no key.
    if providers.filter(|provider| provider.is_configured).count() < 2 {
        steps.push("set a provider's key for real answers".to_owned());
    }
    if app.is_local() {
        steps.push("set SUPABASE_URL to use a Supabase project".to_owned());
    }
    steps.join("; ")
}
