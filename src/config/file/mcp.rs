//! `kind = "mcp"`: a server that speaks the Model Context Protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use providers::catalogue::Usd;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::PrivateHosts;

/// A server that speaks the Model Context Protocol.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpTools {
    /// The label, with which the tools' names begin: letters, digits, `_`.
    pub name: String,
    /// The server's address.
    #[serde(deserialize_with = "url")]
    #[schemars(with = "String")]
    pub url: Url,
    /// How the server knows who calls.
    #[serde(default)]
    pub auth: McpAuth,
    /// The tools that are offered, by the server's names; all of them without it.
    pub tools: Option<Vec<String>>,
    /// Whether the server's word that a tool only reads is believed.
    #[serde(default)]
    pub trusted: bool,
    /// When a person is asked.
    #[serde(default)]
    pub approval: McpApproval,
    /// The same for single tools, by the server's names.
    #[serde(default)]
    pub approvals: BTreeMap<String, McpApproval>,
    /// How long a call may take: 1,000 to 120,000 milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// What a call costs, in US dollars: it counts as the tokens do.
    #[schemars(with = "Option<f64>")]
    pub price_usd: Option<Usd>,
    /// Whether its tools are offered where a request names none.
    #[serde(default)]
    pub default: bool,
    /// Only users whose `app_metadata.role` is one of these are offered its tools; all without it.
    pub roles: Option<Vec<String>>,
}

/// How an MCP server knows who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum McpAuth {
    /// It does not.
    #[default]
    None,
    /// A secret of the operator's in a header.
    Secret {
        /// The header.
        #[serde(default = "authorization")]
        header: String,
        /// Its value, in which `${NAME}` stands for a secret.
        value: String,
    },
    /// The caller's own access token.
    User,
    /// A sign-in of each user's at the server, by OAuth 2.1.
    Oauth {
        /// The client that was registered at the authorization server; without it this server's metadata
        /// document is.
        client_id: Option<String>,
        /// The registered client's secret, in which `${NAME}` stands for a secret.
        client_secret: Option<String>,
        /// What is asked for; what the server asks for without it.
        scopes: Option<Vec<String>>,
    },
}

/// When a person is asked before a tool of an MCP server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum McpApproval {
    /// Except before tools that a trusted server says only read.
    #[default]
    Auto,
    /// Before each call.
    Always,
    /// Never.
    Never,
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|_| D::Error::custom(format!("`{text}` is no URL")))
}

fn default_timeout() -> u64 {
    60_000
}

fn authorization() -> String {
    "Authorization".to_owned()
}

/// Headers that are the transport's own.
const RESERVED: [&str; 13] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

impl McpTools {
    /// Whether users sign in at it.
    pub fn needs_public_url(&self) -> bool {
        matches!(self.auth, McpAuth::Oauth { .. })
    }

    /// How long a call may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Whether everything in it is usable. `Err` is the field and what is wrong with it. `secret` says whether a
    /// secret has this name.
    pub fn check(
        &self,
        allow_hosts: &PrivateHosts,
        secret: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !self.name.starts_with(|c: char| c.is_ascii_alphabetic())
            || !self.name.chars().all(is_word)
            || self.name.len() > 48
        {
            return Err("name: must be a letter, then letters, digits and _; at most 48".into());
        }
        check_url(&self.url, allow_hosts).map_err(|problem| format!("url: {problem}"))?;
        if !(1_000..=120_000).contains(&self.timeout_ms) {
            return Err("timeout_ms: must be from 1000 to 120000".into());
        }
        if let Some(tools) = &self.tools
            && let Some(name) = self.approvals.keys().find(|name| !tools.contains(name))
        {
            return Err(format!("approvals.{name}: is not among tools"));
        }
        self.check_auth(secret)
    }

    fn check_auth(&self, secret: impl Fn(&str) -> bool) -> Result<(), String> {
        match &self.auth {
            McpAuth::None | McpAuth::User => Ok(()),
            McpAuth::Secret { header, value } => {
                let name: HeaderName =
                    header.parse().map_err(|_| "auth.header: is no header's name".to_owned())?;
                let name = name.as_str();
                if RESERVED.contains(&name)
                    || name.starts_with("proxy-")
                    || name.starts_with("x-forwarded-")
                {
                    return Err(format!("auth.header: {name} is set by this server"));
                }
                if HeaderValue::from_str(value).is_err() {
                    return Err("auth.value: is no header's value".into());
                }
                known_secrets(value, secret).map_err(|problem| format!("auth.value: {problem}"))
            }
            McpAuth::Oauth { client_id, client_secret, .. } => {
                if client_secret.is_some() && client_id.is_none() {
                    return Err("auth.client_id: is missing beside client_secret".into());
                }
                known_secrets(client_secret.as_deref().unwrap_or_default(), secret)
                    .map_err(|problem| format!("auth.client_secret: {problem}"))
            }
        }
    }
}

fn check_url(url: &Url, allow_hosts: &PrivateHosts) -> Result<(), String> {
    let Some(host) = url.host_str() else { return Err("has no host".into()) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a password; put it into auth".into());
    }
    let port = url.port_or_known_default().unwrap_or_default();
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_hosts.contains(url) => Ok(()),
        "http" => Err(format!("must be https, or {host}:{port} must be in allow_hosts")),
        _ => Err("must be https".into()),
    }
}

/// Whether all secrets of a text are there.
fn known_secrets(text: &str, secret: impl Fn(&str) -> bool) -> Result<(), String> {
    for piece in text.split("${").skip(1) {
        let Some((name, _)) = piece.split_once('}') else {
            return Err("has a ${ without a }".into());
        };
        if !secret(name) {
            return Err(format!("{name} is not in secrets"));
        }
    }
    Ok(())
}
