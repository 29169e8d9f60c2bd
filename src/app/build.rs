//! Puts the services together.

use std::sync::Arc;

use axum::Router;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::background::{forget_idle_users, refresh_models};
use super::error::BuildError;
use super::local::{LocalListener, project};
use super::services::{monitoring, peers, sandbox, seal_keys, tools, verifier, watch};
use super::state::{AppState, Services};
use crate::agent::{BuiltIn, CheckpointSlots, Generations, Settings, Sources, TokenRefresher};
use crate::api::account::Accounts;
use crate::api::ai::{Ai, SendPostcard, Weather, offered};
use crate::api::files::Files;
use crate::api::files::search::FileSearch;
use crate::api::files::text::FileTexts;
use crate::api::scripts::Scripts;
use crate::clock::Clock;
use crate::config::{Config, Project, SupabaseConfig};
use crate::http::auth::{self, AuthLayer};
use crate::http::health::{Health, Probes};
use crate::http::middleware::RequestLog;
use crate::http::rate_limit::Limits;
use crate::http::security_log::SecurityLog;
use crate::memory::Memory;
use crate::observability::metrics::Metrics;
use crate::peers::{PeerGate, Peers};
use crate::providers::Providers;
use crate::supabase::Supabase;
use crate::tool_sources::SourceBuilder;
use crate::tool_sources::egress::{Egress, EgressSettings};
use crate::tool_sources::mcp::Connections;
use crate::tool_sources::mcp::oauth::{Services as SignInServices, SignIns};

/// The services, and the local Supabase if it is in use.
pub struct App {
    /// What handlers extract.
    pub state: AppState,
    /// The settings it was built from.
    pub config: Config,
    /// The local Supabase, which is served beside the API.
    pub local_supabase: Option<LocalListener>,
    /// The project in use.
    pub project: Project,
    /// The metrics and the security log.
    pub log: RequestLog,
    /// The listener for `/metrics`, if it is enabled.
    pub monitoring: Option<TcpListener>,
}

impl App {
    /// Builds all services. Opens the local Supabase if no project is configured.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, BuildError> {
        let memory = Memory::new(config.memory_budget_bytes);
        let (project, local_supabase) = project(&config, &clock, &memory).await?;
        check_keys(&project)?;
        let monitoring = monitoring(config.metrics_addr).await?;
        let metrics = if monitoring.is_some() { Metrics::on() } else { Metrics::default() };
        let supabase = Supabase::new(&project, config.request_timeout, clock.clone())?
            .charged_to(memory.clone());
        let providers = Providers::new(&config.providers, clock.clone())?;
        offered::check(&config.file.current(), &providers)?;
        providers.set_prices(config.file.current().prices.clone());
        let limits = Limits::new(&config, &clock);
        let files = Files::new(supabase.clone(), &config, clock.clone());
        let sandbox = sandbox(&config);
        let texts = FileTexts::new(files.clone(), sandbox.clone());
        let file_search = FileSearch::new(supabase.clone(), &files, texts.clone(), limits.clone());
        let scripts = Scripts::new(
            supabase.clone(),
            files.clone(),
            sandbox.clone(),
            config.scripts.timeout,
            clock.clone(),
            config.scripts.retention,
            limits.clone(),
        )
        .counted_by(metrics.clone());
        scripts.cleanup();
        let seal_keys = seal_keys(&config, &project)?;
        let egress = Egress::new(EgressSettings::new(&config), memory.clone(), metrics.clone())
            .map_err(|error| {
                config.file.current().error(&format!("the client of tools: {error}"))
            })?;
        let services = SignInServices {
            egress: egress.clone(),
            supabase: supabase.clone(),
            seal_keys: seal_keys.clone(),
            clock: clock.clone(),
        };
        let sign_ins = SignIns::new(config.file.clone(), services);
        let source_builder = SourceBuilder {
            config: config.clone(),
            supabase: supabase.clone(),
            seal_keys: seal_keys.clone(),
            clock: clock.clone(),
            egress,
            mcp: Connections::new(),
            sign_ins: sign_ins.clone(),
        };
        let built_in = tools(&files, &texts, &file_search, &scripts);
        let built_in = BuiltIn::new("built_in", built_in);
        let demo = BuiltIn::new("demo", vec![Arc::new(Weather), Arc::new(SendPostcard)]);
        let sources = Sources::new(built_in, demo, clock.clone(), metrics.clone());
        sources.replace(source_builder.build(&config.file.current())?);
        let token_refresher = TokenRefresher::default();
        let settings = Settings {
            providers: providers.clone(),
            sources: sources.clone(),
            checkpoint_every: config.checkpoint_every,
            checkpoint_slots: supabase
                .has_service_key()
                .then(|| CheckpointSlots::new(config.checkpoint_every)),
            unsaved_patience: config.unsaved_patience,
            generation_timeout: config.generation_timeout,
            approval_ttl: config.approval_ttl,
            outlives_tokens: supabase.has_service_key(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            traces_content: config.traces_capture_content,
        };
        let generations = Generations::new(settings, token_refresher.clone());
        let verifier = verifier(&config, &project, &supabase, &clock);
        let peers = peers(&config, seal_keys.as_ref(), &clock)?;
        let gate = |peers: &Peers| PeerGate::new(peers.clone(), generations.clone());
        let peer_gate = peers.as_ref().map(gate);
        let is_local = local_supabase.is_some();
        let probes = Probes::new(supabase.clone(), verifier.clone(), clock.clone(), is_local);
        forget_idle_users(limits.clone());
        refresh_models(providers.clone());
        let ai = Ai::new(
            supabase.clone(),
            generations.clone(),
            texts,
            providers.clone(),
            limits.clone(),
            sources,
            clock.clone(),
        )
        .offering(&config)
        .named(is_local.then_some("local"))
        .with_peers(peers)
        .sealed_with(seal_keys.clone());
        let accounts = Accounts::new(
            supabase.clone(),
            files.clone(),
            clock.clone(),
            &limits,
            token_refresher.clone(),
        );
        let state = Services {
            health: Health::new(probes, providers, generations.clone(), ai.sources().clone()),
            auth: Arc::new(AuthLayer { verifier, limits: limits.clone(), memory, token_refresher }),
            accounts,
            supabase,
            generations,
            scripts,
            files,
            file_search,
            read_marks: ai.read_marks(),
            ai,
            limits,
            clock,
            file: config.file.clone(),
            source_builder,
            peer_gate,
            seal_keys,
            sign_ins,
        };
        let state = AppState(Arc::new(state));
        watch(&metrics, &state);
        let log = RequestLog { metrics, security: SecurityLog::default() };
        let local_supabase = local_supabase.map(|local| local.logged(&log));
        Ok(Self { state, config, local_supabase, project, log, monitoring })
    }

    /// Whether the local Supabase is in use.
    pub fn is_local(&self) -> bool {
        matches!(self.config.supabase, SupabaseConfig::Local(_))
    }

    /// The local Supabase and the path below which the API's listener serves it, where there is one.
    pub fn local_supabase_path(&self) -> Option<(&str, Router)> {
        let SupabaseConfig::Local(local) = &self.config.supabase else { return None };
        Some((local.path.as_deref()?, self.local_supabase.as_ref()?.router.clone()))
    }
}

/// Whether each key is in its own place.
fn check_keys(project: &Project) -> Result<(), BuildError> {
    if auth::is_service_key(project.anon_key.expose_secret()) {
        return Err(BuildError::SecretKey);
    }
    match &project.service_role_key {
        Some(key) if auth::is_publishable_key(key.expose_secret()) => {
            Err(BuildError::PublishableKey)
        }
        _ => Ok(()),
    }
}
