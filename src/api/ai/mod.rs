//! Answers: `/api/ai`.

mod attachments;
mod demo;
mod event_ids;
mod ids;
pub mod model;
mod principal;
mod queue;
mod queue_work;
mod reconnect;
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
mod resume;

pub use demo::Weather;
pub use services::Ai;
