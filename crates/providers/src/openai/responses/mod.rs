//! The Responses API: `POST {base}/responses`, without storing anything at the provider.

pub(super) use decoder::Decoder;
pub(super) use request::body;

mod decoder;
mod input;
mod items;
mod request;
mod search;
mod wire;

#[cfg(test)]
mod tests;
