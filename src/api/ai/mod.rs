//! Answers: `/api/ai`.

mod attachments;
mod demo;
mod ids;
pub mod model;
mod principal;
mod recovery;
mod request;
pub mod routes;
mod services;
mod stateless;
mod stop;
mod stream;
pub mod stream_event;
mod begin;
mod chat_recorder;
mod checkpoints;
mod remote_answer;

pub use demo::Weather;
pub use services::Ai;
