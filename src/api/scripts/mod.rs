//! Scripts in the sandbox: `/api/scripts`, and the agent's tool `run_script`.

pub mod model;
mod names;
pub mod routes;
mod running;
mod retention;
mod service;
mod shorten;
mod staging;
mod store;
mod tool;

pub use service::Scripts;
pub use tool::RunScript as RunScriptTool;
