//! The command-line interface.

pub mod arguments;
pub mod backup;
pub mod banner;
pub mod check;
pub mod health;
pub mod migrations;
pub mod reset_local;
