//! The services that take some settings to build.

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::error::BuildError;
use super::state::Services;
use crate::agent::AnyTool;
use crate::api::files::search::{FileSearch, SearchFilesTool};
use crate::api::files::text::FileTexts;
use crate::api::files::{Files, FilesTool};
use crate::api::scripts::{RunScriptTool, Scripts};
use crate::clock::Clock;
use crate::config::{Config, Project, SupabaseConfig};
use crate::http::auth::{self, Verifier, VerifierSettings};
use crate::http::event_stream::OpenStream;
use crate::observability::metrics::{Metrics, Watched};
use crate::peers::Peers;
use crate::sandbox::{self, Sandbox};
use crate::seal::SealKeys;
use crate::supabase::Supabase;

/// The keys of `SEAL_KEY`; without that setting one that all who have the same service key make, or one of
/// this folder's own.
pub(super) fn seal_keys(
    config: &Config,
    project: &Project,
) -> Result<Option<SealKeys>, BuildError> {
    if let Some(keys) = SealKeys::new(&config.seal_keys) {
        return Ok(Some(keys));
    }
    match &config.supabase {
        SupabaseConfig::Local(local) => {
            SealKeys::kept_in(&local.data_dir).map(Some).map_err(BuildError::SealKey)
        }
        SupabaseConfig::Project(_) => {
            Ok(project.service_role_key.as_ref().map(SealKeys::derived_from))
        }
    }
}

/// The other replicas, where there are any.
pub(super) fn peers(
    config: &Config,
    keys: Option<&SealKeys>,
    clock: &Clock,
) -> Result<Option<Peers>, BuildError> {
    let (Some(list), Some(keys)) = (&config.peers, keys) else { return Ok(None) };
    let peers = Peers::new(list.clone(), keys.clone(), config.peer_timeouts, clock.clone())?;
    Ok(Some(peers))
}

/// The numbers that are read whenever the metrics are.
pub(super) fn watch(metrics: &Metrics, services: &Services) {
    let generations = services.generations.clone();
    metrics.watch(Watched::Generations, move || generations.running() as u64);
    metrics.watch(Watched::Streams, OpenStream::count);
    let memory = services.auth.memory.clone();
    let limit = memory.limit() as u64;
    metrics.watch(Watched::MemoryUsed, move || memory.held() as u64);
    metrics.watch(Watched::MemoryLimit, move || limit);
}

/// The tools that requests may name.
pub(super) fn tools(
    files: &Files,
    texts: &FileTexts,
    search: &FileSearch,
    scripts: &Scripts,
) -> Vec<Arc<dyn AnyTool>> {
    vec![
        Arc::new(FilesTool::new(files.clone(), texts.clone())),
        Arc::new(SearchFilesTool::new(search.clone())),
        Arc::new(RunScriptTool::new(scripts.clone())),
    ]
}

pub(super) fn sandbox(config: &Config) -> Sandbox {
    let scripts = &config.scripts;
    Sandbox::new(sandbox::Settings {
        program: scripts.program.clone(),
        python: scripts.python.clone(),
        private: config.private_paths(),
        limits: sandbox::Limits {
            timeout: scripts.max_timeout,
            memory_bytes: scripts.memory_bytes,
            output_bytes: scripts.output_bytes,
        },
        workers: scripts.workers,
    })
}

pub(super) fn verifier(
    config: &Config,
    project: &Project,
    supabase: &Supabase,
    clock: &Clock,
) -> Verifier {
    let settings = VerifierSettings {
        issuer: format!("{}/auth/v1", project.public_url),
        jwt_secret: project.jwt_secret.clone(),
        has_legacy_keys: auth::is_legacy_key(project.anon_key.expose_secret()),
        allow_anonymous_users: config.allow_anonymous_users,
        file: config.file.clone(),
    };
    Verifier::new(supabase.clone(), settings, clock.clone())
}

pub(super) async fn monitoring(
    addr: Option<SocketAddr>,
) -> Result<Option<TcpListener>, BuildError> {
    let Some(addr) = addr else { return Ok(None) };
    let listener = TcpListener::bind(addr).await;
    listener.map(Some).map_err(|error| BuildError::MetricsAddress(addr, error))
}
