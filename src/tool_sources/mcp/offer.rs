//! Asks a server for its tools, in the name of a user.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::Server;
use super::bounded_client::Failure;
use super::connection::CallError;
use super::definition::offered;
use super::listing::{AFTER_FAILURE, ALL_PAGES, Listed, Listing, pages};
use crate::agent::Credentials;
use crate::agent::tools::source::SourceError;

impl Server {
    pub(super) fn listing_key(&self, credentials: &Credentials) -> Option<Uuid> {
        (!self.auth.is_shared()).then_some(credentials.user_id)
    }

    /// The tools that a user may be offered. Those who ask at the same time wait for one answer, and one that
    /// comes too late for this turn is kept for the next.
    pub(super) async fn listed(
        self: &Arc<Self>,
        credentials: &Arc<Credentials>,
    ) -> Result<Arc<Listed>, SourceError> {
        let key = self.listing_key(credentials);
        let mut kept = self.listings.place(key).lock_owned().await;
        if let Some(listing) = kept.as_ref().filter(|listing| listing.until > Instant::now()) {
            return listing.listed.clone();
        }
        let (server, credentials) = (self.clone(), credentials.clone());
        let listing = tokio::spawn(async move {
            let listing = server.list(&credentials).await;
            let listed = listing.listed.clone();
            *kept = Some(listing);
            listed
        });
        let broken = || SourceError(format!("{}: the tools cannot be read.", self.entry.name));
        listing.await.unwrap_or_else(|_| Err(broken()))
    }

    async fn list(&self, credentials: &Arc<Credentials>) -> Listing {
        let listed = tokio::time::timeout(ALL_PAGES, self.ask(credentials)).await;
        match listed.unwrap_or_else(|_| Err(self.unavailable(&CallError::Timeout))) {
            Ok((listed, lifetime)) => {
                let listed = Ok(Arc::new(listed));
                Listing { listed, until: Instant::now() + lifetime }
            }
            Err(error) => Listing { listed: Err(error), until: Instant::now() + AFTER_FAILURE },
        }
    }

    async fn ask(&self, credentials: &Arc<Credentials>) -> Result<(Listed, Duration), SourceError> {
        let refused = match self.ask_with(credentials, None).await {
            Err((CallError::Failed(Failure::Unauthorized(_)), Some(version))) => version,
            other => return other.map_err(|(error, _)| self.unavailable(&error)),
        };
        let asked = self.ask_with(credentials, Some(refused)).await;
        asked.map_err(|(error, _)| self.unavailable(&error))
    }

    /// With the version of the sign-in that was refused, where there is one.
    async fn ask_with(
        &self,
        credentials: &Arc<Credentials>,
        refused: Option<i64>,
    ) -> Result<(Listed, Duration), (CallError, Option<i64>)> {
        let credential = self.auth.credential(credentials, refused).await;
        let credential = credential.map_err(|sentence| (CallError::NotSignedIn(sentence), None))?;
        let key = self.key(credentials, &credential);
        let pages = async {
            let _turn = self.turn(credentials).await?;
            let place = self.place(&key)?;
            let connection = self.connect(&place, &credential).await?;
            pages(connection).await
        };
        let (tools, lifetime) = pages.await.map_err(|error| {
            self.connections.remove(&key);
            (error, credential.version)
        })?;
        let marked = |tool: &Value| tool.to_string().contains("\"x-mcp-header\"");
        let has_header_parameters = tools.iter().any(marked);
        Ok((Listed { tools: offered(&self.entry, &tools), has_header_parameters }, lifetime))
    }
}
