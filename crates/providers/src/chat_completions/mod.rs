//! Chat Completions: `POST {base}/chat/completions`.

pub(crate) use decoder::Decoder;
pub(crate) use request::body;

mod calls;
mod decoder;
pub(crate) mod dialect;
mod messages;
mod request;
pub(crate) mod usage;
mod wire;

#[cfg(test)]
mod tests;
