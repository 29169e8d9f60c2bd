//! AG-UI: the protocol of CopilotKit, TanStack AI and other front ends of agents.
//!
//! A run is an answer in a chat. The client sends its copy of the conversation; this server takes what is
//! new of it and has the rest itself.

mod calls;
pub mod copilotkit;
mod encoder;
pub mod event;
mod ids;
mod messages;
pub mod model;
mod request;
pub mod routes;
mod rows;
mod run;
pub mod tanstack;
