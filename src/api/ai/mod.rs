//! Answers: `/api/ai`.

mod attachments;
mod demo;
mod ids;
pub mod model;
pub mod tool_model;
mod principal;
mod recovery;
mod request;
pub mod routes;
mod services;
mod stateless;
mod stop;
mod stream;
mod begin;
mod continuation;
mod requested_tools;
pub mod tool_calls;
mod chat_recorder;
mod checkpoints;
mod remote_answer;

pub use demo::Weather;
pub use services::Ai;
