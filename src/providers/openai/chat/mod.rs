//! Chat Completions: `POST {base}/chat/completions`.

pub(super) use decoder::Decoder;
pub(super) use request::body;

mod calls;
mod decoder;
mod messages;
mod request;
mod wire;

#[cfg(test)]
mod tests;
