//! Why the application cannot start.

use std::net::SocketAddr;

use thiserror::Error;

use crate::config::ConfigError;
use crate::local::{MigrationsError, OpenError};
use crate::peers::PeerError;
use crate::providers::SettingsError;
use crate::supabase::SupabaseError;

/// Why the application cannot start. The message is one line.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The local Supabase's address is not available.
    #[error(
        "LOCAL_SUPABASE_ADDR: cannot listen on {0}: {1}. Stop what uses it, or set another address"
    )]
    LocalAddress(SocketAddr, std::io::Error),
    /// The metrics' address is not available.
    #[error("METRICS_ADDR: cannot listen on {0}: {1}. Stop what uses it, or set another address")]
    MetricsAddress(SocketAddr, std::io::Error),
    /// The local Supabase cannot be opened.
    #[error("DATA_DIR: {0}")]
    Local(#[from] OpenError),
    /// The migrations of the front end's own tables cannot be read.
    #[error("MIGRATIONS_DIR: {0}")]
    Migrations(#[from] MigrationsError),
    /// The key that is given to browsers is the secret one.
    #[error(
        "SUPABASE_ANON_KEY is the service key, which row-level security does not bind and browsers must \
         not have. Put the publishable (or anon) key there"
    )]
    SecretKey,
    /// The key that row-level security must not bind is the one for browsers.
    #[error(
        "SUPABASE_SERVICE_ROLE_KEY is the publishable (or anon) key, which row-level security binds. Put the \
         secret (or service_role) key there, or leave it empty"
    )]
    PublishableKey,
    /// A key is unusable.
    #[error("SUPABASE_ANON_KEY or SUPABASE_SERVICE_ROLE_KEY: {0}")]
    Supabase(#[from] SupabaseError),
    /// The key of seals cannot be kept.
    #[error("DATA_DIR: the key of seals cannot be kept: {0}")]
    SealKey(std::io::Error),
    /// The other replicas cannot be asked.
    #[error("PEERS: {0}")]
    Peers(#[from] PeerError),
    /// The configuration file offers what there is not.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A provider's settings are invalid.
    #[error("{}: {}", .0.setting.to_uppercase(), .0.problem)]
    Providers(#[from] SettingsError),
}

impl BuildError {
    /// Whether another running server uses the data folder.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Local(OpenError::Locked { .. }))
    }
}
