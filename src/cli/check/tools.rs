//! Whether the hosts of the configuration file's tools can be looked up, and may be reached. None is asked.

use reqwest::Url;

use super::Report;
use crate::app::App;
use crate::clock::Clock;
use crate::config::FileConfig;
use crate::config::file::ToolEntry;
use crate::memory::Memory;
use crate::observability::metrics::Metrics;
use crate::tool_sources::egress::{Egress, EgressError, EgressSettings};
use crate::tool_sources::http::{HttpSource, Setup};
use crate::tool_sources::openapi::OpenapiSource;

/// The memory that a look-up may take.
const MEMORY: usize = 1 << 20;

pub(super) async fn check(app: &App, report: &mut Report) {
    let file = app.config.file.current();
    if file.tools.is_empty() {
        return;
    }
    report.section("Tools");
    if !file.secrets.is_empty() {
        report.pass(format!("all {} variables of `secrets` are set", file.secrets.len()));
    }
    let egress =
        Egress::new(EgressSettings::new(&app.config), Memory::new(MEMORY), Metrics::default());
    match egress {
        Ok(egress) => check_hosts(app, &file, &egress, report).await,
        Err(error) => report.problem(error.to_string(), "check TOOL_PROXY"),
    }
}

async fn check_hosts(app: &App, file: &FileConfig, egress: &Egress, report: &mut Report) {
    let setup = Setup::new(&app.config, file, egress, &Clock::System);
    for (index, entry) in file.tools.iter().enumerate() {
        match origin(file, entry, &setup) {
            Ok(Some((name, origin))) => {
                let place = format!("tools[{index}] ({name})");
                check_host(&place, &origin, egress, report).await;
            }
            Ok(None) => {}
            Err(problem) => report.problem(format!("tools[{index}].{problem}"), "correct the file"),
        }
    }
}

/// The name of an entry and where it is asked; none where that is Supabase, the provider or nobody.
fn origin(
    file: &FileConfig,
    entry: &ToolEntry,
    setup: &Setup<'_>,
) -> Result<Option<(String, Url)>, String> {
    match entry {
        ToolEntry::Http(entry) => {
            let source = HttpSource::new(entry, setup)?;
            Ok(source.origin().map(|origin| (entry.name.clone(), origin.clone())))
        }
        ToolEntry::Openapi(entry) => {
            let source = OpenapiSource::new(entry, file.folder(), setup)?;
            Ok(Some((entry.name.clone(), source.origin().clone())))
        }
        ToolEntry::Mcp(entry) => Ok(Some((entry.name.clone(), entry.url.clone()))),
        ToolEntry::Postgres(_) | ToolEntry::Hosted(_) => Ok(None),
    }
}

async fn check_host(place: &str, origin: &Url, egress: &Egress, report: &mut Report) {
    let host = origin.host_str().unwrap_or_default();
    if egress.is_proxied(origin) {
        report.skipped(format!("{place}: {host} is looked up by TOOL_PROXY"));
        return;
    }
    match egress.resolve(origin).await {
        Ok(_) => report.pass(format!("{place}: {host} has an address that tools may reach")),
        Err(EgressError::Unreachable(_)) => {
            report.problem(format!("{place}: {host} has no address"), "check the name in the file");
        }
        Err(error) => report.problem(
            format!("{place}: {error}"),
            "use another host, or list a private one with its port in allow_hosts",
        ),
    }
}
