//! Sign-ins of users at MCP servers, by OAuth 2.1.

use std::sync::Arc;

use quick_cache::sync::Cache;
use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::Mutex;
use uuid::Uuid;

mod callback;
mod discovery;
mod exchange;
mod grant;
mod refresh;
mod start;

use crate::clock::Clock;
use crate::config::file::ToolEntry;
use crate::config::file::mcp::McpAuth;
use crate::config::{FileConfig, FileHandle};
use crate::seal::SealKeys;
use crate::supabase::Supabase;
use crate::tool_sources::egress::Egress;

pub use callback::Callback;

/// The path below which the routes of sign-ins are.
pub const PATH: &str = "/api/tools/oauth";

/// Why somebody cannot be signed in: one sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignInError(pub String);

/// What sign-ins need of this server.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Services {
    pub egress: Egress,
    pub supabase: Supabase,
    /// Without any, nobody can sign in.
    pub seal_keys: Option<SealKeys>,
    pub clock: Clock,
}

/// The sign-ins at all servers of the configuration file.
#[derive(Clone)]
pub struct SignIns {
    file: FileHandle,
    services: Services,
    refreshing: Refreshing,
}

/// One refresh at a time for each source and user, whatever becomes of the file.
type Refreshing = Arc<Cache<(String, Uuid), Arc<Mutex<()>>>>;

impl SignIns {
    /// Those of the file as it is at the time of asking.
    pub fn new(file: FileHandle, services: Services) -> Self {
        Self { file, services, refreshing: Arc::new(Cache::new(MAX_REFRESHING)) }
    }

    /// The one with this label.
    pub fn find(&self, label: &str) -> Option<Arc<OAuth>> {
        self.find_in(&self.file.current(), label)
    }

    /// The one with this label in a file.
    pub fn find_in(&self, file: &FileConfig, label: &str) -> Option<Arc<OAuth>> {
        file.tools.iter().filter_map(|entry| self.at(file, entry)).find(|at| at.label == label)
    }

    fn at(&self, file: &FileConfig, entry: &ToolEntry) -> Option<Arc<OAuth>> {
        let ToolEntry::Mcp(entry) = entry else { return None };
        let McpAuth::Oauth { client_id, client_secret, scopes } = &entry.auth else { return None };
        let secret = client_secret.as_ref().map(|text| file.filled(text));
        Some(Arc::new(OAuth {
            label: entry.name.clone(),
            server: entry.url.clone(),
            public_url: file.public_url.clone()?,
            client: client_id.clone().map(|id| Client { id, secret }),
            scopes: scopes.clone(),
            services: Services {
                egress: self.services.egress.with_hosts(file.allow_hosts.clone()),
                ..self.services.clone()
            },
            refreshing: self.refreshing.clone(),
        }))
    }

    /// What this server tells authorization servers of itself, if there is any to ask for it.
    pub fn client_metadata(&self) -> Option<serde_json::Value> {
        let file = self.file.current();
        let all: Vec<_> = file.tools.iter().filter_map(|entry| self.at(&file, entry)).collect();
        let any = all.first()?;
        let redirects: Vec<_> = all.iter().map(|oauth| oauth.redirect_uri()).collect();
        Some(serde_json::json!({
            "client_id": any.metadata_url(),
            "client_name": "chat-backend",
            "client_uri": any.public_url.as_str(),
            "redirect_uris": redirects,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "web",
        }))
    }
}

/// The most users whose tokens one replica refreshes at the same time without asking the database.
const MAX_REFRESHING: usize = 1_024;

/// The sign-ins at one server.
pub struct OAuth {
    label: String,
    server: Url,
    public_url: Url,
    /// The client that was registered.
    client: Option<Client>,
    scopes: Option<Vec<String>>,
    services: Services,
    refreshing: Refreshing,
}

/// A client that an authorization server knows.
#[derive(Clone)]
struct Client {
    id: String,
    secret: Option<SecretString>,
}

impl OAuth {
    fn keys(&self) -> Result<&SealKeys, SignInError> {
        let missing = || {
            let label = &self.label;
            SignInError(format!("Nobody can sign in at {label}: SEAL_KEY is not set."))
        };
        self.services.seal_keys.as_ref().ok_or_else(missing)
    }

    fn now(&self) -> i64 {
        self.services.clock.now().as_second()
    }

    fn redirect_uri(&self) -> String {
        self.public(&format!("{PATH}/{}/callback", self.label))
    }

    fn metadata_url(&self) -> String {
        self.public(&format!("{PATH}/client.json"))
    }

    fn public(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    fn failed(&self, problem: &str) -> SignInError {
        SignInError(format!("{}: {problem}", self.label))
    }
}
