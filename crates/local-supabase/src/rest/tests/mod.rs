//! What needs no project: how requests and values are read. The rest is tested with a project.

mod parsing;
mod types;
mod values;
