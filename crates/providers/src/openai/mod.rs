//! OpenAI, and every server that speaks its Chat Completions protocol.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Response, Url};
use serde::Serialize;

use super::catalogue::{self, Capability, Endpoint};
use super::http::{Http, secret_header};
use super::{Connection, EventStream, ProviderError, ProviderName, Request, reader};
use crate::chat_completions as chat;
use crate::chat_completions::dialect::{Dialect, Dialects};

mod models;
mod responses;

pub(crate) const NAME: ProviderName = ProviderName::OpenAi;

/// OpenAI or a compatible server.
///
/// Reasoning models of OpenAI itself are asked by its Responses API, which alone tells their thoughts
/// and takes them back; everything else by Chat Completions.
#[derive(Debug)]
pub struct OpenAi {
    http: Http,
    is_official: bool,
    uses_responses: bool,
    dialects: Dialects,
}

impl OpenAi {
    /// Checks the settings; connects to nothing yet.
    pub fn new(connection: Connection) -> Result<Self, ProviderError> {
        let key = connection.api_key.expose();
        let headers = secret_header(NAME, AUTHORIZATION, "Bearer ", key)?;
        let http = Http::new(NAME, connection, headers)?;
        let is_official = http.host() == Some("api.openai.com");
        let dialects = Dialects::new(is_official);
        Ok(Self { http, is_official, uses_responses: is_official, dialects })
    }

    /// Turns the Responses API on or off. It is on for OpenAI itself only, since few other servers
    /// have it.
    #[must_use]
    pub fn with_responses(self, uses_responses: bool) -> Self {
        Self { uses_responses, ..self }
    }

    pub(super) async fn stream(&self, request: Request) -> Result<EventStream, ProviderError> {
        let request = request.prepared(NAME);
        if self.answers_by_responses(&request)? {
            let body = |dialect| responses::body(&request, dialect);
            let response = self.ask(&request, "/responses", body).await?;
            reader::read(&self.http, response, responses::Decoder::default()).await
        } else {
            let body = |dialect| chat::body(&request, dialect);
            let response = self.ask(&request, "/chat/completions", body).await?;
            reader::read(&self.http, response, chat::Decoder::default()).await
        }
    }

    /// The Responses API cannot stop at a text, so who wants that gets Chat Completions if the model
    /// has it.
    fn answers_by_responses(&self, request: &Request) -> Result<bool, ProviderError> {
        let model = catalogue::find_of(NAME, &request.model).filter(|_| self.uses_responses);
        let Some(model) = model else {
            return Ok(false);
        };
        if model.endpoint == Endpoint::Chat {
            return Ok(model.can(Capability::Reasoning) && request.stop.is_empty());
        }
        if request.stop.is_empty() {
            return Ok(true);
        }
        let message = format!("{} does not take stop; leave it out", request.model);
        Err(ProviderError::invalid(NAME, "stop", &message))
    }

    /// Sends the request, each time in other words, until the server understands or means it. There
    /// are only as many words to change as a dialect has fields.
    async fn ask<B: Serialize>(
        &self,
        request: &Request,
        path: &str,
        body: impl Fn(Dialect) -> B,
    ) -> Result<Response, ProviderError> {
        let url = self.url(path);
        let mut dialect = self.dialects.of(&request.model);
        loop {
            let body = body(dialect);
            match self.http.post(&url, &HeaderMap::new(), &body, request.patience).await {
                Ok(response) => {
                    self.dialects.learn(&request.model, dialect);
                    return Ok(response);
                }
                Err(error) => dialect = self.dialects.revised(dialect, &error).ok_or(error)?,
            }
        }
    }

    /// The base URL includes `/v1`; whoever leaves it out of OpenAI's own means it.
    fn url(&self, path: &str) -> Url {
        let base = match self.http.base_path() {
            "" if self.is_official => "/v1",
            base => base.trim_end_matches("/chat/completions"),
        };
        self.http.url(&format!("{base}{path}"))
    }
}

#[cfg(test)]
mod tests;
