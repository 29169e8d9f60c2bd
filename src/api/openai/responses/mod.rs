//! OpenAI's Responses API, without what it stores: every request brings its whole conversation.

mod encoder;
mod input;
pub mod model;
mod output;
mod request;
pub mod routes;
