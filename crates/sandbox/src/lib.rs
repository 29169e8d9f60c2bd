//! Runs untrusted scripts in worker processes, under limits.
//!
//! A script runs in a worker: a process that the host starts from its own program, talks to over pipes,
//! watches, and can kill. JavaScript is QuickJS, which is part of the program; Python is the machine's
//! own interpreter, confined by bubblewrap, where Linux has both. The engine's limits come first; time,
//! memory, output and files are enforced from outside as well, because an engine cannot check them in
//! the middle of one long operation.
//!
//! The program's `main` must hand over to [`worker::main`] before it does anything else when its first
//! argument is [`worker::ARGUMENT`]; `examples/run.rs` shows how.

mod model;
mod termination;
mod output;
mod outcome;
mod protocol;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod unsupported;
mod frames;
mod watchdog;
mod process;
mod javascript;
pub mod worker;
#[cfg(target_os = "linux")]
mod python;
mod idle_workers;
mod fair_queue;
mod pool;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use unsupported as platform;

pub use fair_queue::Client;
pub use model::{Language, Limits, MAX_FILES, Outcome, Script, ScriptError, ScriptFile, Status};
pub use pool::{Inventory, Sandbox, Settings, Slot};
