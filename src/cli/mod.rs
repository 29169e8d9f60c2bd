//! What the program says on a terminal.

pub mod banner;
pub mod check;
pub mod reset_local;
