//! The OpenAPI document and the pages that show it.

mod document;
mod pages;
mod problems;
mod stream_examples;

pub use self::document::complete;
pub use self::pages::pages;
