//! Tools of servers that speak the Model Context Protocol, over HTTP, in its versions with a handshake
//! (2025-06-18, 2025-11-25) and without (2026-07-28).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

mod bounded_client;
mod handler;
mod connection;
mod connections;
mod content;
mod credential;
mod definition;
mod listing;
mod offer;
pub mod oauth;
mod words;

use crate::agent::Credentials;
use crate::agent::tools::source::{
    Outcome, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};
use crate::config::FileConfig;
use crate::config::file::mcp::McpTools;
use crate::memory::Holder;
use crate::tool_sources::egress::{Egress, Turn};
use bounded_client::Failure;
use connection::{CallError, Connection, Era, Target};
use connections::{InUse, Key};
use credential::{Auth, Credential};
use listing::Listings;
use oauth::SignIns;

pub use connections::Connections;

/// The tools of one server.
pub struct McpSource(Arc<Server>);

/// The server does not take a sign-in that can be renewed.
struct Refused {
    version: i64,
}

/// A server, and what is known of it.
struct Server {
    entry: McpTools,
    auth: Auth,
    egress: Egress,
    http: reqwest::Client,
    connections: Connections,
    era: Era,
    listings: Listings,
}

impl McpSource {
    /// The tools of the server of this entry of the file.
    pub fn new(
        entry: &McpTools,
        file: &FileConfig,
        egress: &Egress,
        connections: &Connections,
        sign_ins: &SignIns,
    ) -> Result<Self, String> {
        let http = egress.client(&entry.url).map_err(|error| format!("url: {error}"))?;
        let (egress, connections) = (egress.clone(), connections.clone());
        let auth = Auth::new(entry, file, sign_ins)?;
        let (entry, era, listings) = (entry.clone(), Era::default(), Listings::default());
        Ok(Self(Arc::new(Server { entry, auth, egress, http, connections, era, listings })))
    }
}

impl ToolSource for McpSource {
    fn label(&self) -> &str {
        &self.0.entry.name
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Mcp
    }

    fn is_default(&self) -> bool {
        self.0.entry.default
    }

    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        async {
            if !self.0.is_for(who.role.as_deref()) {
                return Ok(Vec::new());
            }
            let listed = self.0.listed(&who.credentials).await?;
            Ok(listed.tools.clone())
        }
        .boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        self.0.call(context, call).boxed()
    }
}

impl Server {
    fn is_for(&self, role: Option<&str>) -> bool {
        match &self.entry.roles {
            Some(roles) => role.is_some_and(|role| roles.iter().any(|other| other == role)),
            None => true,
        }
    }

    fn key(&self, credentials: &Credentials, credential: &Credential) -> Key {
        let (source, user_id) = (self.entry.name.clone(), credentials.user_id);
        Key { source, user_id, credential: credential.digest }
    }

    /// A user's turn among all who use servers of others.
    async fn turn(&self, credentials: &Credentials) -> Result<Turn, CallError> {
        let turn = self.egress.turn(Holder::User(credentials.user_id), &self.entry.url).await;
        turn.map_err(|_| CallError::Failed(Failure::TooMany))
    }

    fn place(&self, key: &Key) -> Result<InUse, CallError> {
        self.connections.place(key).ok_or(CallError::Failed(Failure::TooMany))
    }

    /// The connection in its place, opened if it is not yet.
    async fn connect<'a>(
        &self,
        place: &'a InUse,
        credential: &Credential,
    ) -> Result<&'a Connection, CallError> {
        let (url, http) = (self.entry.url.to_string(), self.http.clone());
        let target = Target { url, http, headers: credential.headers.clone() };
        place.get_or_try_init(|| Connection::open(&target, &self.era)).await
    }

    async fn call(&self, context: &ToolContext, call: &SourceCall) -> Outcome {
        let mut outcome = self.call_with(context, call, None).await;
        if let Err(Refused { version }) = outcome {
            outcome = self.call_with(context, call, Some(version)).await;
        }
        let refused = || self.auth.sentence_of_refusal(&self.entry.name);
        outcome
            .unwrap_or_else(|_| Outcome::Failed { sentence: refused(), may_have_happened: false })
    }

    /// A call with the sign-in that is stored, or with a newer one than that which the server has refused.
    async fn call_with(
        &self,
        context: &ToolContext,
        call: &SourceCall,
        refused: Option<i64>,
    ) -> Result<Outcome, Refused> {
        let credential = match self.auth.credential(&context.credentials, refused).await {
            Ok(credential) => credential,
            Err(sentence) => return Ok(Outcome::Failed { sentence, may_have_happened: false }),
        };
        let schema = self.output_schema(&context.credentials, &call.tool).await;
        match self.result(context, call, &credential).await {
            Ok(mut result) => {
                if let Some(secret) = credential.worth_hiding() {
                    content::hide(&mut result, secret);
                }
                Ok(content::outcome(&call.tool, &result, schema.as_ref()))
            }
            Err(error) => match (&error, credential.version) {
                (CallError::Failed(Failure::Unauthorized(_)), Some(version)) => {
                    Err(Refused { version })
                }
                _ => Ok(self.words(&error, &credential)),
            },
        }
    }

    async fn output_schema(&self, credentials: &Arc<Credentials>, tool: &str) -> Option<Value> {
        let listed = self.listings.kept(self.listing_key(credentials)).await?;
        listed.tools.iter().find(|other| other.name == tool)?.output_schema.clone()
    }

    async fn result(
        &self,
        context: &ToolContext,
        call: &SourceCall,
        credential: &Credential,
    ) -> Result<Value, CallError> {
        let arguments = call.arguments.as_object().cloned().unwrap_or_default();
        let key = self.key(&context.credentials, credential);
        let result = self.once(context, &call.tool, arguments.clone(), &key, credential).await;
        match result {
            // It was closed before the call could be sent.
            Err(CallError::Closed) => {
                self.once(context, &call.tool, arguments, &key, credential).await
            }
            result => result,
        }
    }

    async fn once(
        &self,
        context: &ToolContext,
        tool: &str,
        arguments: Map<String, Value>,
        key: &Key,
        credential: &Credential,
    ) -> Result<Value, CallError> {
        let _turn = self.turn(&context.credentials).await?;
        let place = self.place(key)?;
        let connection = self.connect(&place, credential).await?;
        self.prepare(connection, &context.credentials).await;
        let timeout = self.entry.timeout();
        let result = connection.call(tool, arguments, timeout, context.progress.clone()).await;
        if connection.take_tools_changed() {
            self.listings.forget(self.listing_key(&context.credentials));
        }
        if let Err(CallError::Closed | CallError::Failed(_)) = &result {
            self.connections.remove(key);
        }
        result
    }

    /// What goes from the arguments into headers, the library knows from a listing on the same connection.
    async fn prepare(&self, connection: &Connection, credentials: &Arc<Credentials>) {
        let kept = self.listings.kept(self.listing_key(credentials)).await;
        if connection.needs_listing() && kept.is_none_or(|listed| listed.has_header_parameters) {
            // If it fails, the server will say what is missing.
            let _ = listing::pages(connection).await;
        }
    }
}
