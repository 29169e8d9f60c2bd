//! Model providers: neutral requests and events on one side, a vendor's wire format on the other.
//!
//! A [`Provider`] turns a [`Request`] into a stream of [`Event`]s. [`Providers`] holds all providers
//! and finds the one that a model's id refers to. The types of a vendor's wire format are private to
//! its folder. Responses are parsed leniently, because providers and compatible servers add fields,
//! leave fields out and disagree about details. This crate knows nothing of HTTP servers, chats or
//! databases, and does not read the environment.

pub use anthropic::{Anthropic, AnthropicSettings, AuthHeader};
pub use compatible::Compatible;
pub use connection::Connection;
pub use endpoint::Endpoint;
pub use error::{ErrorKind, ProviderError};
pub use event::{Event, EventStream, FinishReason, Usage};
pub use fallback::Candidates;
pub use gemini::Gemini;
pub use hosted::{HostedKind, HostedTool, SearchContextSize, UserLocation};
pub use openai::OpenAi;
pub use provider::{Capabilities, Provider};
pub use provider_name::ProviderName;
pub use registration::ProviderStatus;
pub use registry::{ChooseError, ChosenModel, ListedModel, Providers};
pub use request::{
    Content, Deadlines, Message, Opaque, ReasoningEffort, Request, ResponseFormat, Role,
    ToolChoice, ToolDefinition,
};
pub use scripted::Scripted;
pub use settings::{CompatibleSettings, ScriptedSettings, Settings, SettingsError};

pub mod catalogue;

mod anthropic;
mod chat_completions;
mod clients;
mod compatible;
mod connection;
mod decoder;
mod discovered_models;
mod document;
mod endpoint;
mod error;
mod event;
mod fallback;
mod gemini;
mod history;
mod hosted;
mod http;
mod lenient;
mod openai;
mod provider;
mod provider_name;
mod reader;
mod registration;
mod registry;
mod request;
mod retry;
mod scripted;
mod settings;
mod sse;
mod surrogates;
#[cfg(test)]
mod testing;
