//! The local Supabase as a part of the application: opened at its start, and what commands do with its folder.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;

use super::error::BuildError;
use crate::clock::Clock;
use crate::config::{Config, LocalConfig, Project, SupabaseConfig};
use crate::http::allowed_hosts::AllowedHosts;
use crate::http::local_supabase_log::local_supabase_log;
use crate::http::middleware::RequestLog;
use crate::local::{
    self, BackupContents, BackupError, LocalSupabase, OpenError, Options as LocalOptions,
    PASSWORD_KIB, PUBLISHABLE_KEY,
};
use crate::memory::Memory;

/// The largest object of a new project of Supabase, in any bucket.
const MAX_OBJECT_BYTES: u64 = 50 << 20;

/// The local Supabase and its listener.
pub struct LocalListener {
    /// The local Supabase.
    pub supabase: LocalSupabase,
    /// Answers `/auth/v1`, `/rest/v1` and `/storage/v1`.
    pub router: Router,
    /// The listener.
    pub listener: TcpListener,
}

impl LocalListener {
    pub(super) fn logged(self, log: &RequestLog) -> Self {
        let router = self.router.layer(from_fn_with_state(log.clone(), local_supabase_log));
        Self { router, ..self }
    }
}

/// The configured project, or the local Supabase.
pub(super) async fn project(
    config: &Config,
    clock: &Clock,
    memory: &Memory,
) -> Result<(Project, Option<LocalListener>), BuildError> {
    let LocalConfig { addr, data_dir, public_url, password_kib, .. } = match &config.supabase {
        SupabaseConfig::Project(project) => {
            if config.migrations_dir.is_some() {
                tracing::warn!(
                    "MIGRATIONS_DIR is ignored, because SUPABASE_URL is set: apply them with supabase db push"
                );
            }
            return Ok((project.clone(), None));
        }
        SupabaseConfig::Local(local) => local,
    };
    let own_tables = config.migrations_dir.as_deref().map(local::read_own_tables).transpose()?;
    let exposes = own_tables.as_ref().and_then(|tables| tables.auto_expose_new_tables);
    log_exposure(exposes);
    let listener =
        TcpListener::bind(addr).await.map_err(|error| BuildError::LocalAddress(*addr, error))?;
    let url = url_of(listener.local_addr().unwrap_or(*addr));
    let public_url = public_url.clone().unwrap_or_else(|| url.clone());
    let options = LocalOptions {
        public_url: public_url.clone(),
        allow_anonymous_users: config.allow_anonymous_users,
        max_user_bytes: max_user_bytes(config),
        migrations: own_tables.map(|tables| tables.migrations),
        auto_expose_new_tables: exposes == Some(true),
        max_object_bytes: config.max_file_bytes.max(MAX_OBJECT_BYTES),
        password_kib: password_kib.unwrap_or(PASSWORD_KIB),
        clock: clock.clone(),
        memory: memory.clone(),
    };
    let local = LocalSupabase::open(data_dir, local::PROJECT, options)?;
    for notice in local.notices() {
        tracing::warn!("{notice}");
    }
    let project = Project {
        public_url,
        url,
        anon_key: local.publishable_key().into(),
        service_role_key: Some(local.service_key().clone()),
        jwt_secret: None,
    };
    let hosts = AllowedHosts::new(config);
    let router = local::router(&local, config.cors_origins.clone(), hosts);
    Ok((project, Some(LocalListener { supabase: local, router, listener })))
}

/// Whoever stores files by the API meets its quota before: uploads and deletions that are under way have room
/// beside what counts there.
fn max_user_bytes(config: &Config) -> u64 {
    config.user_file_quota_bytes.saturating_mul(2).saturating_add(64 << 20)
}

/// Logs what `config.toml` beside `MIGRATIONS_DIR` says of new tables.
fn log_exposure(exposes: Option<bool>) {
    match exposes {
        Some(true) => tracing::warn!(
            "config.toml beside MIGRATIONS_DIR was read: auto_expose_new_tables opens new tables to all roles without a grant, which Supabase has deprecated"
        ),
        Some(false) => tracing::info!(
            "config.toml beside MIGRATIONS_DIR was read: new tables are open to the roles that a grant names"
        ),
        None => {}
    }
}

/// The local Supabase of a running server, as front ends see it.
pub fn running_local_supabase(local: &LocalConfig) -> Project {
    let url = url_of(local.addr);
    Project {
        public_url: local.public_url.clone().unwrap_or_else(|| url.clone()),
        url,
        anon_key: PUBLISHABLE_KEY.into(),
        service_role_key: None,
        jwt_secret: None,
    }
}

/// The URL of a listener on this machine; one that listens on all addresses is reached by loopback.
pub fn url_of(addr: SocketAddr) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, addr.port()))
}

/// Takes the front end's own tables out of a local Supabase.
pub fn reset_own_tables(data_dir: &Path) -> Result<(), OpenError> {
    LocalSupabase::reset(data_dir, local::PROJECT)
}

/// Writes a backup of a local Supabase, on which a server may be running.
pub fn back_up_local(data_dir: &Path, output: impl Write) -> Result<BackupContents, BackupError> {
    LocalSupabase::backup(data_dir, output)
}

/// Restores a backup into an empty folder.
pub fn restore_local(input: impl Read, data_dir: &Path) -> Result<BackupContents, BackupError> {
    LocalSupabase::restore(input, data_dir)
}
