//! Chat Completions: `POST {base}/chat/completions`.

use reqwest::Response;
use reqwest::header::HeaderMap;

use super::OpenAi;
use crate::providers::{EventStream, ProviderError, Request, reader};
use decoder::Decoder;

mod calls;
mod decoder;
mod messages;
mod request;
mod wire;

impl OpenAi {
    /// Asks by Chat Completions. The messages have been tidied.
    pub(super) async fn chat(&self, request: &Request) -> Result<EventStream, ProviderError> {
        let response = self.ask(request).await?;
        reader::read(&self.http, response, Decoder::default()).await
    }

    /// Sends the request, each time in other words, until the server understands or means it. There
    /// are as many words to change as a dialect has fields.
    async fn ask(&self, request: &Request) -> Result<Response, ProviderError> {
        let url = self.url("/chat/completions");
        let mut dialect = self.dialects.of(&request.model);
        loop {
            let body = request::body(request, dialect);
            let answer = self.http.post(&url, &HeaderMap::new(), &body, request.deadline).await;
            match answer {
                Ok(response) => return Ok(response),
                Err(error) => match self.dialects.learn(&request.model, dialect, &error) {
                    Some(revised) => dialect = revised,
                    None => return Err(error),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
