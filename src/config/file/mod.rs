//! The configuration file: `CONFIG_FILE`, TOML. What an operator offers: tools, assistants, plans.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;

pub mod hosted;
pub mod http;
pub mod mcp;
pub mod openapi;
pub mod postgres;

use super::ConfigError;

/// The name of the file that is read where no other is named.
const DEFAULT_FILE: &str = "chat-backend.toml";

/// The configuration file, checked.
#[derive(Clone, Debug, Default)]
pub struct FileConfig {
    /// The file; none where there is none. Paths in it are relative to its folder.
    pub path: Option<PathBuf>,
    /// The values of the variables that `secrets` names.
    pub secrets: HashMap<String, SecretString>,
    /// `host` or `host:port` that tools may reach although their address is private.
    pub allow_hosts: Vec<String>,
    /// The sources of tools, in the order of the file.
    pub tools: Vec<ToolEntry>,
}

/// A `[[tools]]` of the file.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum ToolEntry {
    Http(Box<http::HttpTool>),
    Openapi(Box<openapi::OpenapiTools>),
    Postgres(Box<postgres::PostgresTools>),
    Mcp(Box<mcp::McpTools>),
    Hosted(Box<hosted::HostedTools>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    secrets: Vec<String>,
    allow_hosts: Vec<String>,
    tools: Vec<Table>,
}

impl FileConfig {
    /// Reads the file that `CONFIG_FILE` names, or the one of the usual name where there is one. `variables` are
    /// those that `secrets` may name.
    pub fn read(
        named: Option<PathBuf>,
        variables: &HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let path = match named {
            Some(path) => path,
            None if Path::new(DEFAULT_FILE).is_file() => DEFAULT_FILE.into(),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| error_in(&path, &format!("cannot be read: {error}")))?;
        let config = Self::parse(&text, variables).map_err(|problem| error_in(&path, &problem))?;
        Ok(Self { path: Some(path), ..config })
    }

    /// Reads a file's text. `Err` names the place in one line.
    pub fn parse(text: &str, variables: &HashMap<String, String>) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| one_line(&error.to_string()))?;
        let secrets = raw.secrets.into_iter().enumerate().map(|(index, name)| {
            let value = variables.get(&name).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| format!("secrets[{index}]: {name} is not set"))?;
            Ok((name, SecretString::from(value.as_str())))
        });
        let tools = raw.tools.into_iter().enumerate().map(|(index, table)| entry(index, table));
        Ok(Self {
            path: None,
            secrets: secrets.collect::<Result<_, String>>()?,
            allow_hosts: raw.allow_hosts,
            tools: tools.collect::<Result<_, String>>()?,
        })
    }
}

fn entry(index: usize, mut table: Table) -> Result<ToolEntry, String> {
    let place = format!("tools[{index}]");
    let kind = table.remove("kind");
    match kind.as_ref().and_then(toml::Value::as_str) {
        Some("http") => typed(&place, table).map(ToolEntry::Http),
        Some("openapi") => typed(&place, table).map(ToolEntry::Openapi),
        Some("postgres") => typed(&place, table).map(ToolEntry::Postgres),
        Some("mcp") => typed(&place, table).map(ToolEntry::Mcp),
        Some("hosted") => typed(&place, table).map(ToolEntry::Hosted),
        _ => Err(format!("{place}.kind: must be one of http, openapi, postgres, mcp, hosted")),
    }
}

/// Reads a table; `Err` begins with the place of what is wrong.
fn typed<T: DeserializeOwned>(place: &str, table: Table) -> Result<T, String> {
    serde_path_to_error::deserialize(table).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { place.to_owned() } else { format!("{place}.{path}") };
        format!("{at}: {}", one_line(&error.inner().to_string()))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn error_in(path: &Path, problem: &str) -> ConfigError {
    ConfigError::new(format!("CONFIG_FILE ({})", path.display()), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        FileConfig::parse(text, &HashMap::new()).unwrap_err()
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_place() {
        for (text, place) in [
            ("tool = 1", "unknown field `tool`"),
            ("[[tools]]\nkind = \"soap\"", "tools[0].kind: must be one of"),
            ("[[tools]]\nkind = \"postgres\"\nnam = 1", "tools[0]"),
            ("secrets = [\"KEY\"]", "secrets[0]: KEY is not set"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(place) && !problem.contains('\n'), "{problem}");
        }
    }
}
