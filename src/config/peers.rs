//! `PEERS` and `SEAL_KEY`: the other replicas of this server.

use std::time::Duration;

use secrecy::SecretString;

use super::env::{Env, checked_origin};
use super::error::ConfigError;

const PEERS: &str = "PEERS";
const SEAL_KEY: &str = "SEAL_KEY";
/// The scheme of a name that stands for all replicas.
const DNS: &str = "dns://";
/// How many replicas may be listed.
const MAX_URLS: usize = 64;
/// A key that could be guessed is worse than none.
const MIN_KEY_BYTES: usize = 32;

/// Where the replicas are, this one among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerList {
    /// Each by its own URL.
    Urls(Vec<String>),
    /// A name that resolves to the addresses of all of them.
    Dns {
        /// The name.
        name: String,
        /// The port of each.
        port: u16,
    },
}

/// How long another replica may take.
#[derive(Clone, Copy, Debug)]
pub struct PeerTimeouts {
    /// To answer.
    pub answer: Duration,
    /// To say something while an answer is followed there.
    pub silence: Duration,
}

impl Default for PeerTimeouts {
    fn default() -> Self {
        Self { answer: Duration::from_secs(1), silence: Duration::from_secs(10) }
    }
}

/// The keys of `SEAL_KEY`.
pub(super) fn seal_keys(env: &Env<'_>) -> Result<Vec<SecretString>, ConfigError> {
    let keys = env.list(SEAL_KEY, "");
    if keys.iter().any(|key| key.len() < MIN_KEY_BYTES) {
        let problem = format!(
            "each key needs at least {MIN_KEY_BYTES} characters; openssl rand -hex 32 makes one"
        );
        return Err(ConfigError::new(SEAL_KEY, problem));
    }
    Ok(keys.into_iter().map(SecretString::from).collect())
}

/// `has_key`: whether there is a key that all replicas have.
pub(super) fn peers(env: &Env<'_>, has_key: bool) -> Result<Option<PeerList>, ConfigError> {
    let items = env.list(PEERS, "");
    let peers = match items.as_slice() {
        [] => return Ok(None),
        [name] if name.starts_with(DNS) => dns(name)?,
        urls if urls.len() > MAX_URLS => {
            return Err(ConfigError::new(PEERS, format!("lists more than {MAX_URLS} replicas")));
        }
        urls => {
            let urls = urls.iter().map(|url| checked_origin(PEERS, url));
            PeerList::Urls(urls.collect::<Result<_, _>>()?)
        }
    };
    if !has_key {
        let problem = "needs SEAL_KEY, the same on all replicas, or SUPABASE_SERVICE_ROLE_KEY, \
                       from which it is made";
        return Err(ConfigError::new(PEERS, problem));
    }
    Ok(Some(peers))
}

fn dns(item: &str) -> Result<PeerList, ConfigError> {
    let parsed = reqwest::Url::parse(item).ok().and_then(|url| {
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let (name, port) = (url.host_str().filter(|name| !name.is_empty())?, url.port()?);
        is_bare.then(|| PeerList::Dns { name: name.to_owned(), port })
    });
    parsed.ok_or_else(|| {
        let problem = format!("`{item}` is not a name with a port such as dns://chat-backend:8000");
        ConfigError::new(PEERS, problem)
    })
}
