//! Search over the text of files.
//!
//! A file is read and divided into passages after its upload, in the background, and at the latest when its
//! owner searches: what is still to be read, the database says. Passages are found by their words.

mod divide;
mod index;
mod languages;
mod model;
pub mod routes;
mod service;
mod structure;
mod tool;
mod words;

pub use service::FileSearch;
pub use tool::SearchFilesTool;
