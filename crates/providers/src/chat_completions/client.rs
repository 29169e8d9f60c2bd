//! A server that speaks Chat Completions.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Response, Url};
use serde::Serialize;

use super::dialect::{Dialect, Dialects};
use super::{Decoder, body, models};
use crate::catalogue::Model;
use crate::http::{Http, secret_header};
use crate::{Connection, EventStream, ProviderError, ProviderName, Request, reader};

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    http: Http,
    dialects: Dialects,
}

impl Client {
    /// Validates the settings without connecting. `dialect` is the initial guess at what the server
    /// supports.
    pub fn new(
        provider: ProviderName,
        connection: Connection,
        dialect: Dialect,
    ) -> Result<Self, ProviderError> {
        let key = connection.api_key.as_ref();
        let headers = secret_header(&provider, AUTHORIZATION, "Bearer ", key)?;
        let http = Http::new(provider, connection, headers)?;
        Ok(Self { http, dialects: Dialects::new(dialect) })
    }

    pub fn name(&self) -> &ProviderName {
        &self.http.provider
    }

    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a prepared request.
    pub async fn stream(&self, request: &Request) -> Result<EventStream, ProviderError> {
        let body = |dialect| body(request, dialect);
        let response = self.post(request, "/chat/completions", body).await?;
        reader::read(&self.http, response, Decoder::new(self.name().clone())).await
    }

    /// The models that the server lists: `GET {base}/models`.
    pub async fn list_models(&self) -> Result<Vec<Model>, ProviderError> {
        let body = self.http.get(&self.url("/models"), &HeaderMap::new()).await?;
        models::read(self.name(), &body)
    }

    /// Sends the request, each time in another dialect, until the server accepts it or refuses it for
    /// another reason. The number of attempts is limited by the number of options of a dialect.
    pub async fn post<B: Serialize>(
        &self,
        request: &Request,
        path: &str,
        body: impl Fn(Dialect) -> B,
    ) -> Result<Response, ProviderError> {
        let url = self.url(path);
        let mut dialect = self.dialects.for_model(&request.model);
        loop {
            let body = body(dialect);
            match self.http.post(&url, &HeaderMap::new(), &body, request).await {
                Ok(response) => {
                    self.dialects.learn(&request.model, dialect);
                    return Ok(response);
                }
                Err(error) => dialect = self.dialects.revised(dialect, &error).ok_or(error)?,
            }
        }
    }

    /// A URL below the base URL, which includes `/v1` if the server uses it.
    fn url(&self, path: &str) -> Url {
        let base = self.http.base_path().trim_end_matches("/chat/completions");
        self.http.url(&format!("{base}{path}"))
    }
}
