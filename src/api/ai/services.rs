//! What the routes of `/api/ai` work with.

use std::sync::Arc;

use crate::agent::{Failure, Generations, Options, Reserve, Sources, Terms};
use crate::api::files::Files;
use crate::api::files::text::FileTexts;
use crate::api::messages::ReadMarks;
use crate::clock::Clock;
use crate::config::file::assistants::Assistant;
use crate::config::{Config, FileHandle};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::rate_limit::Limits;
use crate::peers::Peers;
use crate::providers::{Providers, ToolDefinition};
use crate::seal::SealKeys;
use crate::supabase::Supabase;

use super::checkpoints::CheckpointWriter;
use super::model::Model;
use super::queue::Queues;
use super::remote_answer::Followers;

/// The services of `/api/ai`. Clones share them.
#[derive(Clone)]
pub struct Ai {
    pub(super) supabase: Supabase,
    pub(super) generations: Generations,
    pub(super) files: Files,
    pub(super) texts: FileTexts,
    pub(super) read_marks: ReadMarks,
    pub(super) providers: Providers,
    pub(in crate::api) limits: Limits,
    pub(in crate::api) file: FileHandle,
    /// `STATELESS`.
    pub(super) is_stateless_on: bool,
    /// `ASSISTANTS_ONLY`.
    pub(super) assistants_only: bool,
    pub(super) sources: Sources,
    pub(super) followers: Followers,
    pub(super) peers: Option<Peers>,
    pub(super) checkpoints: CheckpointWriter,
    pub(super) queues: Queues,
    pub(in crate::api) clock: Clock,
    /// The name under which this server's answers are known to the database, where it has one: see
    /// [`recovery`](super::recovery).
    pub(super) server: Option<&'static str>,
    /// What calls that wait for a decision are sealed with. Without it none can wait.
    pub(super) seal_keys: Option<SealKeys>,
}

impl Ai {
    /// Puts the services together.
    pub fn new(
        supabase: Supabase,
        generations: Generations,
        texts: FileTexts,
        providers: Providers,
        limits: Limits,
        sources: Sources,
        clock: Clock,
    ) -> Self {
        let followers = Followers::new(supabase.clone(), None, generations.refresher());
        let read_marks = ReadMarks::new(supabase.clone());
        let checkpoints = CheckpointWriter::new(supabase.clone(), clock.clone());
        Self {
            supabase,
            generations,
            files: texts.files().clone(),
            texts,
            read_marks,
            providers,
            limits,
            file: FileHandle::default(),
            is_stateless_on: true,
            assistants_only: false,
            sources,
            followers,
            peers: None,
            checkpoints,
            queues: Queues::default(),
            clock,
            server: None,
            seal_keys: None,
        }
    }

    /// The same, offering what `CONFIG_FILE`, `STATELESS` and `ASSISTANTS_ONLY` say.
    pub fn offering(self, config: &Config) -> Self {
        let Config { file, is_stateless_on, assistants_only, .. } = config;
        let (is_stateless_on, assistants_only) = (*is_stateless_on, *assistants_only);
        Self { file: file.clone(), is_stateless_on, assistants_only, ..self }
    }

    /// The same, known to the database by a name that no other server has.
    pub fn named(self, server: Option<&'static str>) -> Self {
        Self { server, ..self }
    }

    /// The same, with keys for calls that wait for a decision.
    pub fn sealed_with(self, seal_keys: Option<SealKeys>) -> Self {
        Self { seal_keys, ..self }
    }

    /// The marks of what users have read, which the routes of messages make as well.
    pub fn read_marks(&self) -> ReadMarks {
        self.read_marks.clone()
    }

    /// The same, one of several replicas.
    pub fn with_peers(self, peers: Option<Peers>) -> Self {
        let refresher = self.generations.refresher();
        let followers = Followers::new(self.supabase.clone(), peers.clone(), refresher);
        Self { followers, peers, ..self }
    }

    /// The sources of tools.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The providers.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The models, as the API lists them.
    pub(in crate::api) fn models(&self) -> Vec<Model> {
        let default = self.providers.choose(None).map(|model| model.id).unwrap_or_default();
        self.providers.list().into_iter().map(|listed| Model::new(listed, &default)).collect()
    }

    /// What is reserved for a request.
    pub(super) fn reserve(
        &self,
        terms: &Terms,
        options: &Options,
        tools: &[ToolDefinition],
        model: Option<&str>,
    ) -> Reserve {
        let model = self.providers.choose(model).ok();
        let model = model.and_then(|model| terms.take(model).ok());
        Reserve::new(terms, self.server, options, tools, model.as_ref())
    }

    /// On what terms this user is answered, by an assistant where there is one.
    pub(in crate::api) fn terms(
        &self,
        user: &CurrentUser,
        assistant: Option<Arc<Assistant>>,
    ) -> Terms {
        let file = self.file.current();
        let plan = file.plan(user.plan.as_deref()).cloned();
        let tokens = plan.as_ref().and_then(|plan| plan.tokens_per_day);
        let daily_tokens = tokens.or(self.limits.daily_tokens);
        Terms { assistant, plan, daily_tokens, unpriced: file.unpriced }
    }

    /// Refuses a model that is not part of the user's plan.
    pub(in crate::api) fn check_offer(
        &self,
        terms: &Terms,
        model: Option<&str>,
    ) -> Result<(), ApiError> {
        match self.providers.choose(model) {
            Ok(chosen) if model.is_some() => Ok(terms.take(chosen).map(drop)?),
            _ => Ok(()),
        }
    }

    /// Counts a generation of this user; 429 if the limit is exceeded.
    pub(in crate::api) fn count_generation(&self, user: &CurrentUser) -> Result<(), ApiError> {
        let file = self.file.current();
        let plan = file.plan(user.plan.as_deref());
        self.limits.count_generation(user.id, plan.and_then(|plan| plan.generations_per_minute))
    }

    /// 422 for a model that no configured provider offers.
    pub(in crate::api) fn check_model(&self, model: Option<&str>) -> Result<(), ApiError> {
        match model {
            Some(_) => {
                self.providers.choose(model).map(drop).map_err(|error| Failure::from(error).into())
            }
            None => Ok(()),
        }
    }
}
