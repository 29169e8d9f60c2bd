//! What handlers extract.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::agent::Generations;
use crate::api::account::Accounts;
use crate::api::ai::{Ai, offered};
use crate::api::files::Files;
use crate::api::files::search::FileSearch;
use crate::api::messages::ReadMarks;
use crate::api::scripts::Scripts;
use crate::clock::Clock;
use crate::config::{ConfigError, FileHandle};
use crate::http::auth::AuthLayer;
use crate::http::health::Health;
use crate::http::rate_limit::Limits;
use crate::peers::PeerGate;
use crate::seal::SealKeys;
use crate::supabase::Supabase;
use crate::tool_sources::SourceBuilder;
use crate::tool_sources::mcp::oauth::SignIns;

/// The router's state; cloned for every request.
#[derive(Clone)]
pub struct AppState(pub(super) Arc<Services>);

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The services.
#[allow(missing_docs)]
pub struct Services {
    pub supabase: Supabase,
    pub generations: Generations,
    pub files: Files,
    pub file_search: FileSearch,
    pub read_marks: ReadMarks,
    pub limits: Limits,
    pub ai: Ai,
    pub scripts: Scripts,
    pub accounts: Accounts,
    pub health: Health,
    pub auth: Arc<AuthLayer>,
    pub clock: Clock,
    pub file: FileHandle,
    /// Makes the sources of tools when the configuration file is read again.
    pub source_builder: SourceBuilder,
    /// Lets the other replicas in, where there are any.
    pub peer_gate: Option<PeerGate>,
    /// The keys of `SEAL_KEY`, where there are any.
    pub seal_keys: Option<SealKeys>,
    pub sign_ins: SignIns,
}

impl AppState {
    /// Whether there is a configuration file.
    pub fn has_file(&self) -> bool {
        self.file.current().path.is_some()
    }

    /// Reads the configuration file again. A wrong one leaves everything as it is.
    pub fn reload_file(&self) -> Result<(), ConfigError> {
        let providers = self.ai.providers();
        let mut sources = Vec::new();
        self.file.reload(|file| {
            offered::check(file, providers)?;
            sources = self.source_builder.build(file)?;
            Ok(())
        })?;
        self.ai.sources().replace(sources);
        providers.set_prices(self.file.current().prices.clone());
        Ok(())
    }
}

macro_rules! extractable {
    ($($field:ident: $type:ty),* $(,)?) => {
        $(impl FromRef<AppState> for $type {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        })*
    };
}

extractable! {
    supabase: Supabase,
    generations: Generations,
    files: Files,
    file_search: FileSearch,
    read_marks: ReadMarks,
    limits: Limits,
    ai: Ai,
    scripts: Scripts,
    accounts: Accounts,
    health: Health,
    clock: Clock,
    sign_ins: SignIns,
}
