//! Answers: `/api/ai`.

pub mod ag_ui;
pub mod assistants;
mod attachments;
pub(in crate::api) mod begin;
mod demo;
mod event_ids;
pub(in crate::api) mod generate;
mod follow_peer;
mod hand_over;
mod ids;
pub mod model;
pub mod offered;
pub mod peer_routes;
pub mod tool_model;
mod overrides;
mod principal;
mod queue;
mod queue_work;
mod reconnect;
mod recovery;
mod request;
pub mod routes;
mod services;
pub(in crate::api) mod stateless;
mod stop;
mod stream;
mod continuation;
mod requested_tools;
pub mod tool_calls;
pub mod stream_event;
mod chat_recorder;
mod checkpoints;
mod remote_answer;
mod resume;

pub use demo::Weather;
pub use services::Ai;
