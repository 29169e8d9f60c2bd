//! The command-line interface.

pub mod banner;
pub mod check;
pub mod reset_local;
