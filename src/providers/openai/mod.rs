//! OpenAI, and every server that speaks its Chat Completions protocol.

use reqwest::Url;
use reqwest::header::AUTHORIZATION;

use super::http::{Http, secret_header};
use super::{Connection, EventStream, ProviderError, ProviderName, Request, history};
use dialect::Dialects;

mod chat;
mod dialect;
mod usage;

const NAME: ProviderName = ProviderName::OpenAi;

/// OpenAI or a compatible server.
#[derive(Debug)]
pub struct OpenAi {
    http: Http,
    is_official: bool,
    dialects: Dialects,
}

impl OpenAi {
    /// Checks the settings; connects to nothing yet.
    pub fn new(connection: Connection) -> Result<Self, ProviderError> {
        let key = connection.api_key.expose();
        let headers = secret_header(NAME, AUTHORIZATION, "Bearer ", key)?;
        let http = Http::new(NAME, connection, headers)?;
        let is_official = http.host() == Some("api.openai.com");
        Ok(Self { http, is_official, dialects: Dialects::new(is_official) })
    }

    pub(super) async fn stream(&self, mut request: Request) -> Result<EventStream, ProviderError> {
        request.messages = history::tidy(request.messages, NAME);
        self.chat(&request).await
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
