//! Model providers: neutral requests and events on one side, a vendor's wire format on the other.
//!
//! A [`Provider`] turns a [`Request`] into a stream of [`Event`]s. The vendor's own types stay
//! private to its folder; what comes in is read tolerantly, because providers and the servers that
//! imitate them add fields, leave fields out and disagree about details. Nothing here knows of HTTP
//! servers, chats or databases, and nothing here reads the environment.

pub use anthropic::{Anthropic, AuthHeader};
pub use connection::{ApiKey, Connection};
pub use error::{ErrorKind, ProviderError};
pub use event::{Event, EventStream, FinishReason, Usage};
pub use fallback::Candidates;
pub use openai::OpenAi;
pub use registry::{ChooseError, ChosenModel, Listed, Providers, ProvidersError};
pub use request::{
    Content, Message, Opaque, Patience, ReasoningEffort, Request, ResponseFormat, Role,
    ToolDefinition,
};
pub use scripted::Scripted;
pub use settings::{AnthropicSettings, OpenAiSettings, Settings};

use catalogue::Model;
use serde::{Deserialize, Serialize};

pub mod catalogue;

mod anthropic;
mod chat_completions;
mod connection;
mod decoder;
mod discovered_models;
mod document;
mod error;
mod event;
mod fallback;
mod history;
mod http;
mod lenient;
mod openai;
mod reader;
mod registry;
mod request;
mod retry;
mod scripted;
mod settings;
mod sse;
mod surrogates;
#[cfg(test)]
mod testing;

/// Who answers. Prefixes a model's id in `openai/gpt-6-sol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// OpenAI, or a server that speaks its Chat Completions protocol.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// The built-in one that needs no key.
    Scripted,
}

impl ProviderName {
    /// The name as it is written everywhere: `openai`, `anthropic`, `scripted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Scripted => "scripted",
        }
    }
}

impl std::fmt::Display for ProviderName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A provider that is ready to be asked.
#[derive(Debug)]
pub enum Provider {
    /// OpenAI and compatible servers.
    OpenAi(OpenAi),
    /// Anthropic.
    Anthropic(Anthropic),
    /// Scripted answers.
    Scripted(Scripted),
}

impl Provider {
    /// Which one it is.
    pub fn name(&self) -> ProviderName {
        match self {
            Self::OpenAi(_) => ProviderName::OpenAi,
            Self::Anthropic(_) => ProviderName::Anthropic,
            Self::Scripted(_) => ProviderName::Scripted,
        }
    }

    /// Asks the model. Resolves when the provider has begun to answer; what fails before that is
    /// retried within `request.patience`. Dropping the stream cancels the provider's request.
    pub async fn stream(&self, request: Request) -> Result<EventStream, ProviderError> {
        match self {
            Self::OpenAi(openai) => openai.stream(request).await,
            Self::Anthropic(anthropic) => anthropic.stream(request).await,
            Self::Scripted(scripted) => scripted.stream(&request),
        }
    }

    /// The models that the provider itself says it has. What it does not say comes from the catalogue,
    /// where that knows the model.
    pub async fn models(&self) -> Result<Vec<Model>, ProviderError> {
        match self {
            Self::OpenAi(openai) => openai.models().await,
            Self::Anthropic(anthropic) => anthropic.models().await,
            Self::Scripted(_) => Ok(vec![catalogue::demo()]),
        }
    }
}
