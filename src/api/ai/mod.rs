//! Answers: `/api/ai`.

mod attachments;
mod demo;
mod follow_peer;
mod hand_over;
mod ids;
pub mod model;
pub mod peer_routes;
mod principal;
mod recovery;
mod request;
pub mod routes;
mod services;
mod stateless;
mod stop;
mod stream;
mod begin;
mod chat_recorder;
mod checkpoints;
mod remote_answer;

pub use demo::Weather;
pub use services::Ai;
