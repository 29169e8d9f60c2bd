//! Scripts in the sandbox: `/api/scripts`, and the agent's tool `run_script`.

pub mod model;
mod names;
mod places;
pub mod routes;
mod service;
mod staging;
mod store;
mod tool;

pub use service::Scripts;
pub use tool::RunScript as RunScriptTool;
