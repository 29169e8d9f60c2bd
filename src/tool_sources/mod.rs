//! The sources of tools that need no Rust: what an operator names in the configuration file.

pub mod egress;
pub mod mcp;
