//! Functions of the project's database as tools: those whose comment begins with `@tool`.
//!
//! They run through PostgREST as the user, under row-level security. PostgREST runs `stable` and
//! `immutable` functions in a read-only transaction, whatever they contain: nobody is asked about these.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tokio::time::Instant;

use self::definition::{Definition, Limits, define_all};
use crate::agent::tools::source::{
    Outcome, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};
use crate::config::file::postgres::{FunctionApproval, PostgresTools};
use crate::database::{self, ListToolFunctions, ToolFunctions};
use crate::supabase::{AccessToken, Caller, Supabase, SupabaseError, SupabaseErrorKind};

mod call;
mod comment;
mod definition;

pub use definition::Inspection;

/// How long a list is kept: a new function is seen after that.
const LIFETIME: Duration = Duration::from_secs(60);
/// The most roles whose lists are kept.
const MAX_LISTS: usize = 64;
/// The longest list that is read.
const MAX_LIST_BYTES: usize = 4 << 20;

/// The functions of the project.
pub struct PostgresFunctions {
    settings: PostgresTools,
    limits: Limits,
    supabase: Supabase,
    /// By the role in the database, on which it depends what may be executed.
    lists: Mutex<HashMap<String, Arc<List>>>,
}

/// Asked for by one request at a time.
type List = tokio::sync::Mutex<Option<(Instant, Arc<Vec<Definition>>)>>;

impl PostgresFunctions {
    /// A source with the file's settings; `deadline` and `max_result_bytes` hold where it says nothing.
    pub fn new(
        settings: PostgresTools,
        supabase: Supabase,
        deadline: Duration,
        max_result_bytes: usize,
    ) -> Self {
        let limits = Limits {
            approval: settings.approval,
            deadline: settings.timeout_ms.map_or(deadline, Duration::from_millis),
            max_result_bytes: settings.max_response_bytes.unwrap_or(max_result_bytes),
        };
        Self { settings, limits, supabase, lists: Mutex::default() }
    }

    async fn definitions(&self, token: &AccessToken) -> Result<Arc<Vec<Definition>>, SourceError> {
        let Some(role) = database_role(token) else { return self.ask(token).await.map(Arc::new) };
        let list = self.list_of(role);
        let mut list = list.lock().await;
        if let Some((asked_at, definitions)) = &*list
            && asked_at.elapsed() < LIFETIME
        {
            return Ok(definitions.clone());
        }
        let definitions = Arc::new(self.ask(token).await?);
        *list = Some((Instant::now(), definitions.clone()));
        Ok(definitions)
    }

    fn list_of(&self, role: String) -> Arc<List> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= MAX_LISTS && !lists.contains_key(&role) {
            lists.clear();
        }
        lists.entry(role).or_default().clone()
    }

    async fn ask(&self, token: &AccessToken) -> Result<Vec<Definition>, SourceError> {
        let listed = list(&self.supabase, Caller::User(token)).await;
        let listed = listed.map_err(|error| SourceError(why(&error)))?;
        match listed.reason {
            Some(reason) => Err(SourceError(reason)),
            None => Ok(define_all(&listed.functions, self.limits).0),
        }
    }

    fn is_for(&self, who: &Who) -> bool {
        let roles = &self.settings.roles;
        roles.is_empty() || who.role.as_ref().is_some_and(|role| roles.contains(role))
    }
}

impl ToolSource for PostgresFunctions {
    fn label(&self) -> &str {
        &self.settings.name
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Postgres
    }

    fn is_default(&self) -> bool {
        self.settings.default
    }

    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        async move {
            if !self.is_for(who) {
                return Ok(vec![]);
            }
            let definitions = self.definitions(&who.credentials.token()).await?;
            let models = &self.settings.models;
            let tool = |definition: &Definition| SourceTool {
                models: models.clone(),
                price_usd: self.settings.price_usd,
                ..definition.tool.clone()
            };
            Ok(definitions.iter().map(tool).collect())
        }
        .boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        async move {
            let token = context.credentials.token();
            let definitions = match self.definitions(&token).await {
                Ok(definitions) => definitions,
                Err(error) => {
                    let sentence = format!("The functions cannot be listed: {error}.");
                    return Outcome::Failed { sentence, may_have_happened: false };
                }
            };
            let is_called = |definition: &&Definition| definition.tool.name == call.tool;
            let Some(definition) = definitions.iter().find(is_called) else {
                let sentence = "There is no such function any more.".to_owned();
                return Outcome::Failed { sentence, may_have_happened: false };
            };
            let max_rows = self.settings.max_rows;
            call::call(&self.supabase, &token, definition, &call.arguments, max_rows).await
        }
        .boxed()
    }
}

/// What `chat-backend check` says of the functions that are marked.
pub async fn inspect(
    supabase: &Supabase,
    caller: Caller<'_>,
) -> Result<Vec<Inspection>, SupabaseError> {
    let approval = FunctionApproval::Auto;
    let limits = Limits { approval, deadline: Duration::ZERO, max_result_bytes: 0 };
    Ok(define_all(&list(supabase, caller).await?.functions, limits).1)
}

async fn list(supabase: &Supabase, caller: Caller<'_>) -> Result<ToolFunctions, SupabaseError> {
    let query = database::request(supabase.rest(caller), &ListToolFunctions {});
    query.max_bytes(MAX_LIST_BYTES).value().await
}

fn why(error: &SupabaseError) -> String {
    match error.kind {
        SupabaseErrorKind::SchemaMismatch => {
            "supabase/migrations/20261128000020_tool_functions.sql is not applied".into()
        }
        SupabaseErrorKind::AnswerTooLarge => "their list has more than 4 MiB".into(),
        _ => "the database did not answer".into(),
    }
}

/// The role of a token in the database. Whoever sent it has been checked; no other claim counts here.
fn database_role(token: &AccessToken) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        role: String,
    }
    let claims = token.expose_secret().split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok().map(|claims: Claims| claims.role)
}
