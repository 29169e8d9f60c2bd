//! OpenAI's Chat Completions protocol, `POST {base}/chat/completions`, and the many servers that
//! implement it with small differences. Shared by all providers that use it.

pub(crate) use client::Client;
pub(crate) use decoder::Decoder;
pub(crate) use dialect::Dialect;
pub(crate) use request::body;

mod calls;
mod client;
mod decoder;
mod dialect;
mod messages;
mod models;
mod request;
mod text_chunk;
pub(crate) mod usage;
mod wire;

#[cfg(test)]
mod tests;
