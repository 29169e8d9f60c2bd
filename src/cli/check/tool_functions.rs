//! Functions of the project that models may call: what their authors should fix.

use super::Report;
use crate::app::App;
use crate::config::file::ToolEntry;
use crate::supabase::Caller;
use crate::tool_sources::postgres;

const REMEDY: &str = "README.md (\"Postgres function\") says how a comment is written";

pub(super) async fn check(app: &App, report: &mut Report) {
    let is_source = |entry: &ToolEntry| matches!(entry, ToolEntry::Postgres(_));
    if !app.config.file.current().tools.iter().any(is_source) {
        return;
    }
    let supabase = &app.state.supabase;
    if !supabase.has_service_key() {
        return report.skipped("functions that are tools: only with SUPABASE_SERVICE_ROLE_KEY");
    }
    let inspected = match postgres::inspect(supabase, Caller::Service).await {
        Ok(inspected) => inspected,
        Err(error) => {
            return report.problem(
                format!("the functions that are tools cannot be listed: {error}"),
                "apply supabase/migrations/20261128000020_tool_functions.sql: supabase db push",
            );
        }
    };
    for function in &inspected {
        for problem in &function.problems {
            let left_out = if function.is_offered { "" } else { " (it is not offered)" };
            report.problem(
                format!("tool function {}: {problem}{left_out}", function.function),
                REMEDY,
            );
        }
    }
    let offered: Vec<_> = inspected.iter().filter(|one| one.is_offered).collect();
    let names: Vec<_> = offered.iter().map(|one| one.function.as_str()).collect();
    match names.as_slice() {
        [] => report.note("no function is a tool: none has a comment that begins with @tool"),
        names => report.pass(format!("functions that models may call: {}", names.join(", "))),
    }
}
