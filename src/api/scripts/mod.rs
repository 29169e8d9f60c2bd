//! Scripts in the sandbox: `/api/scripts`, and the agent's tool `run_script`.

pub mod model;
mod names;
pub mod routes;
mod concurrency;
mod retention;
mod service;
mod shorten;
mod staging;
mod store;
mod tool;

pub use service::Scripts;
pub(in crate::api) use store::{COLUMNS, LIST};
pub use tool::RunScriptTool;
