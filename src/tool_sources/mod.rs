//! The sources of tools that need no Rust: what an operator names in the configuration file.

pub mod egress;
pub mod mcp;

use std::collections::HashSet;
use std::sync::Arc;

use crate::agent::tools::source::ToolSource;
use crate::clock::Clock;
use crate::config::file::ToolEntry;
use crate::config::{Config, FileConfig};
use crate::seal::SealKeys;
use crate::supabase::Supabase;
use egress::Egress;
use mcp::McpSource;

/// What sources are made of.
pub struct BuildContext<'a> {
    /// The settings and the file.
    pub config: &'a Config,
    /// The project.
    pub supabase: &'a Supabase,
    /// The keys of seals, where there are any.
    pub seal_keys: Option<&'a SealKeys>,
    /// The time of day.
    pub clock: &'a Clock,
    /// How tools reach other servers.
    pub egress: &'a Egress,
    /// The connections to servers of the Model Context Protocol.
    pub mcp: &'a mcp::Connections,
}

/// The sources of the configuration file, in its order. `Err` is one line that names the place.
pub fn build(context: &BuildContext<'_>) -> Result<Vec<Arc<dyn ToolSource>>, String> {
    let file = context.config.file.current();
    let entries = file.tools.iter().enumerate();
    let sources = entries.map(|(index, entry)| {
        source(context, &file, entry).map_err(|problem| format!("tools[{index}]: {problem}"))
    });
    let sources = sources.collect::<Result<Vec<_>, String>>()?;
    check_labels(&sources)?;
    Ok(sources)
}

fn source(
    context: &BuildContext<'_>,
    file: &FileConfig,
    entry: &ToolEntry,
) -> Result<Arc<dyn ToolSource>, String> {
    match entry {
        ToolEntry::Mcp(entry) => {
            let source = McpSource::new(entry, &file.secrets, context.egress, context.mcp)?;
            Ok(Arc::new(source))
        }
        ToolEntry::Http(_)
        | ToolEntry::Openapi(_)
        | ToolEntry::Postgres(_)
        | ToolEntry::Hosted(_) => Err("this kind is not supported yet".to_owned()),
    }
}

/// Labels are how requests and stored calls name a source.
fn check_labels(sources: &[Arc<dyn ToolSource>]) -> Result<(), String> {
    let mut labels = HashSet::from(["built_in".to_owned(), "demo".to_owned()]);
    for (index, source) in sources.iter().enumerate() {
        let label = source.label();
        if !labels.insert(label.to_lowercase()) {
            return Err(format!("tools[{index}].name: {label} is taken already"));
        }
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let starts = label.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if !starts || label.len() > 48 || !label.bytes().all(fits) {
            let rule = "must be a letter and then letters, digits and _, at most 48 in all";
            return Err(format!("tools[{index}].name: {rule}"));
        }
    }
    Ok(())
}
