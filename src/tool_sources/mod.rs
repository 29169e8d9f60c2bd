//! The sources of tools that need no Rust: what an operator names in the configuration file.

pub mod egress;
pub mod hosted;
pub mod http;
pub mod mcp;
pub mod openapi;
pub mod postgres;

use std::collections::HashSet;
use std::sync::Arc;

use crate::agent::tools::source::ToolSource;
use crate::clock::Clock;
use crate::config::file::ToolEntry;
use crate::config::{Config, ConfigError, FileConfig};
use crate::seal::SealKeys;
use crate::supabase::Supabase;
use egress::Egress;
use hosted::Hosted;
use http::{HttpSource, Setup};
use mcp::McpSource;
use openapi::OpenapiSource;
use postgres::PostgresFunctions;

/// Makes the sources of configuration files: of the first one, and of those that are read later.
#[derive(Clone)]
pub struct SourceBuilder {
    /// The settings; the file among them may be an older one.
    pub config: Config,
    /// The project.
    pub supabase: Supabase,
    /// The keys of seals, where there are any.
    pub seal_keys: Option<SealKeys>,
    /// The time of day.
    pub clock: Clock,
    /// How tools reach other servers: the bounds of all sources together.
    pub egress: Egress,
    /// The connections to servers of the Model Context Protocol.
    pub mcp: mcp::Connections,
    /// The users' sign-ins at such servers.
    pub sign_ins: mcp::oauth::SignIns,
}

impl SourceBuilder {
    /// The sources of a file, in its order.
    pub fn build(&self, file: &FileConfig) -> Result<Vec<Arc<dyn ToolSource>>, ConfigError> {
        self.sources(file).map_err(|problem| file.error(&problem))
    }

    fn sources(&self, file: &FileConfig) -> Result<Vec<Arc<dyn ToolSource>>, String> {
        let egress = self.egress.with_hosts(file.allow_hosts.clone());
        let sources = file.tools.iter().enumerate().map(|(index, entry)| {
            self.source(file, &egress, entry).map_err(|problem| format!("tools[{index}].{problem}"))
        });
        let sources = sources.collect::<Result<Vec<_>, String>>()?;
        check_labels(&sources)?;
        Ok(sources)
    }

    /// A source of an entry. `Err` begins with the field.
    fn source(
        &self,
        file: &FileConfig,
        egress: &Egress,
        entry: &ToolEntry,
    ) -> Result<Arc<dyn ToolSource>, String> {
        let setup = Setup::new(&self.config, file, egress, &self.clock);
        match entry {
            ToolEntry::Http(entry) => Ok(Arc::new(HttpSource::new(entry, &setup)?)),
            ToolEntry::Openapi(entry) => {
                Ok(Arc::new(OpenapiSource::new(entry, file.folder(), &setup)?))
            }
            ToolEntry::Mcp(entry) => {
                Ok(Arc::new(McpSource::new(entry, file, egress, &self.mcp, &self.sign_ins)?))
            }
            ToolEntry::Postgres(entry) => Ok(Arc::new(PostgresFunctions::new(
                (**entry).clone(),
                self.supabase.clone(),
                self.config.tool_timeout,
                self.config.tool_result_bytes,
            ))),
            ToolEntry::Hosted(entry) => Ok(Arc::new(Hosted::new((**entry).clone()))),
        }
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
