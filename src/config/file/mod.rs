//! The configuration file: `CONFIG_FILE`, TOML. What an operator offers: tools, assistants, plans.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use providers::catalogue::{Price, Pricing};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use toml::Table;

mod private_hosts;
pub mod assistants;
pub mod handle;
pub mod hosted;
pub mod http;
pub mod mcp;
pub mod openapi;
pub mod plans;
pub mod postgres;
pub mod schema;
mod typed;

pub use private_hosts::PrivateHosts;

use super::ConfigError;
use assistants::Assistant;
use plans::{DEFAULT_PLAN, Plan};
use typed::{one_line, typed};

/// The name of the file that is read where no other is named.
const DEFAULT_FILE: &str = "chat-backend.toml";
/// Which claim of the token names the user's plan.
const DEFAULT_PLAN_CLAIM: &str = "app_metadata.plan";

/// The configuration file, checked.
#[derive(Clone, Debug, Default)]
pub struct FileConfig {
    /// The file; none where there is none. Paths in it are relative to its folder.
    pub path: Option<PathBuf>,
    /// The values of the variables that `secrets` names.
    pub secrets: HashMap<String, SecretString>,
    /// Hosts that tools may reach although their address is private.
    pub allow_hosts: PrivateHosts,
    /// Where browsers reach this server, for sign-ins at servers of tools.
    pub public_url: Option<Url>,
    /// The sources of tools, in the order of the file.
    pub tools: Vec<ToolEntry>,
    /// The assistants, in the order of their ids.
    pub assistants: Vec<Arc<Assistant>>,
    /// The plans by their names.
    pub plans: BTreeMap<String, Arc<Plan>>,
    /// The claim of a token that names the user's plan, members of objects divided by dots.
    pub plan_claim: Vec<String>,
    /// The prices of models by their ids, in the place of the catalogue's.
    pub prices: HashMap<String, Pricing>,
    /// What a million tokens count where money is limited and the model has no price; without it such a
    /// model is refused.
    pub unpriced: Option<Price>,
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

impl ToolEntry {
    /// What the types cannot say. `Err` begins with the field.
    fn check(
        &self,
        allow_hosts: &PrivateHosts,
        secrets: &HashMap<String, SecretString>,
        has_public_url: bool,
    ) -> Result<(), String> {
        match self {
            Self::Mcp(entry) if entry.needs_public_url() && !has_public_url => {
                Err("auth: oauth needs public_url at the top of the file".into())
            }
            Self::Mcp(entry) => entry.check(allow_hosts, |name| secrets.contains_key(name)),
            _ => Ok(()),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    secrets: Vec<String>,
    allow_hosts: Vec<String>,
    public_url: Option<String>,
    tools: Vec<Table>,
    assistants: Table,
    plans: Table,
    plan_claim: Option<String>,
    prices: Table,
    unpriced_usd_per_million_tokens: Option<Price>,
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
        let folder = path.parent().unwrap_or(Path::new("."));
        let config = Self::parse(&text, folder, variables);
        let config = config.map_err(|problem| error_in(&path, &problem))?;
        Ok(Self { path: Some(path), ..config })
    }

    /// A text of the file with the secrets that its `${NAME}` stand for.
    pub fn filled(&self, text: &str) -> SecretString {
        let mut pieces = text.split("${");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            filled.push_str(self.secrets.get(name).map_or("", ExposeSecret::expose_secret));
            filled.push_str(rest);
        }
        filled.into()
    }

    /// Reads the text of a file in this folder. `Err` names the place in one line.
    pub fn parse(
        text: &str,
        folder: &Path,
        variables: &HashMap<String, String>,
    ) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| located(text, &error))?;
        let secrets = raw.secrets.into_iter().enumerate().map(|(index, name)| {
            let value = variables.get(&name).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| format!("secrets[{index}]: {name} is not set"))?;
            Ok((name, SecretString::from(value.as_str())))
        });
        let allow_hosts = PrivateHosts::parse(&raw.allow_hosts)?;
        let secrets: HashMap<String, SecretString> = secrets.collect::<Result<_, String>>()?;
        let public_url = raw.public_url.map(|url| public_url(&url)).transpose()?;
        let tools = raw.tools.into_iter().enumerate().map(|(index, table)| {
            let entry = entry(index, table)?;
            entry
                .check(&allow_hosts, &secrets, public_url.is_some())
                .map_err(|problem| format!("tools[{index}].{problem}"))?;
            Ok(entry)
        });
        let tools = tools.collect::<Result<_, String>>()?;
        Ok(Self {
            path: None,
            secrets,
            allow_hosts,
            public_url,
            tools,
            assistants: tables("assistants", raw.assistants, |id, table| {
                Assistant::read(id, table, folder).map(Arc::new)
            })?,
            plans: tables("plans", raw.plans, |name, table| {
                Ok((name.clone(), Arc::new(Plan::read(name, table)?)))
            })?,
            plan_claim: plan_claim(raw.plan_claim.as_deref().unwrap_or(DEFAULT_PLAN_CLAIM))?,
            prices: tables("prices", raw.prices, |id, table| {
                Ok((id.clone(), *typed::<Pricing>(&format!("prices.{id:?}"), table)?))
            })?,
            unpriced: raw.unpriced_usd_per_million_tokens,
        })
    }

    /// The folder that paths in it are relative to.
    pub fn folder(&self) -> Option<&Path> {
        self.path.as_deref()?.parent()
    }

    /// What is wrong with it, in one line.
    pub fn error(&self, problem: &str) -> ConfigError {
        match &self.path {
            Some(path) => error_in(path, problem),
            None => ConfigError::new("CONFIG_FILE", problem),
        }
    }

    /// The assistant with this id.
    pub fn assistant(&self, id: &str) -> Option<&Arc<Assistant>> {
        self.assistants.iter().find(|assistant| assistant.id == id)
    }

    /// The plan with this name, else the one for all who have none; none where that is not in the file.
    pub fn plan(&self, name: Option<&str>) -> Option<&Arc<Plan>> {
        name.and_then(|name| self.plans.get(name)).or_else(|| self.plans.get(DEFAULT_PLAN))
    }
}

/// Reads a table of tables.
fn tables<T, C: FromIterator<T>>(
    place: &str,
    tables: Table,
    read: impl Fn(String, Table) -> Result<T, String>,
) -> Result<C, String> {
    let tables = tables.into_iter().map(|(name, value)| match value {
        toml::Value::Table(table) => read(name, table),
        _ => Err(format!("{place}.{name}: must be a table")),
    });
    tables.collect()
}

fn plan_claim(path: &str) -> Result<Vec<String>, String> {
    let names: Vec<_> = path.split('.').map(str::to_owned).collect();
    match names.iter().any(String::is_empty) {
        true => Err("plan_claim: must be a claim such as app_metadata.plan".to_owned()),
        false => Ok(names),
    }
}

/// What is wrong and in which line, without the words of that line: they may be an assistant's instructions.
fn located(text: &str, error: &toml::de::Error) -> String {
    let message = one_line(error.message());
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}: {message}", before.matches('\n').count() + 1)
        }
        None => message,
    }
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && url.query().is_none());
    let is_web = |url: &Url| matches!(url.scheme(), "https" | "http");
    url.filter(is_web).ok_or_else(|| format!("public_url: `{text}` is no address of a web server"))
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

fn error_in(path: &Path, problem: &str) -> ConfigError {
    ConfigError::new(format!("CONFIG_FILE ({})", path.display()), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        FileConfig::parse(text, Path::new("."), &HashMap::new()).unwrap_err()
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_place() {
        for (text, place) in [
            ("tool = 1", "unknown field `tool`"),
            ("[[tools]]\nkind = \"soap\"", "tools[0].kind: must be one of"),
            ("[[tools]]\nkind = \"postgres\"\nnam = 1", "tools[0]"),
            (
                "[[tools]]\nkind = \"mcp\"\nname = \"a\"\nurl = \"http://10.0.0.1\"",
                "tools[0].url: must be https",
            ),
            ("secrets = [\"KEY\"]", "secrets[0]: KEY is not set"),
            ("allow_hosts = [\"http://a\"]", "allow_hosts[0]: `http://a` is not a host"),
            ("\n[assistants.a]\ninstructions = \"marker", "line 3"),
            ("[assistants.a]\nname = \"A\"", "assistants.a.instructions: are missing"),
            ("[assistants.a]\ninstructions = [\"marker\"]", "assistants.a.instructions"),
            ("[plans.free]\nusd_per_day = -1", "plans.free.usd_per_day: must be an amount"),
            ("[prices.\"a/b\"]\ninput = 1", "prices.\"a/b\": missing field `output`"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(place) && !problem.contains('\n'), "{problem}");
            assert!(!problem.contains("marker"), "{problem}");
        }
    }

    #[test]
    fn assistants_have_a_version_that_follows_their_words() {
        let read = |text: &str| {
            let file = FileConfig::parse(text, Path::new("."), &HashMap::new()).unwrap();
            file.assistants[0].clone()
        };
        let text = "[assistants.a]\nname = \"A\"\ninstructions = \"Be brief.\"";
        let (one, same) = (read(text), read(&format!("# A comment\n{text}")));
        assert_eq!(one.version, same.version);
        assert_ne!(one.version, read(&text.replace("brief", "kind")).version);
        assert!(!format!("{one:?}").contains("brief"));
        assert!(one.instructions.are_repeated_by("the words \"Be brief.\""));
    }
}
