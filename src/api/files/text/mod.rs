//! The text of files: what models that read no documents are shown of them, and what is searched.

mod document;
mod encoding;
mod service;

pub use document::DocumentReaders;
pub use encoding::{Decoded, decode, decode_start};
pub use service::{FileTexts, ReadText};

use std::fmt;

use thiserror::Error;

/// The text of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileText {
    /// Its pages. What has no pages is one.
    pub pages: Vec<Page>,
    /// What readers should know, in a sentence: that some of it is missing, or how it was encoded.
    pub note: Option<String>,
}

/// All pages, each under its number where it has one.
impl fmt::Display for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for page in &self.pages {
            if let Some(number) = page.number {
                writeln!(f, "[page {number}]")?;
            }
            f.write_str(&page.text)?;
            if page.number.is_some() {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A page of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its number, counted from 1, where the file has pages.
    pub number: Option<u32>,
    /// Its text.
    pub text: String,
}

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct NoText {
    /// Words that follow the file's name, such as `is not a file with text`.
    pub reason: String,
    /// Whether it may have one later.
    pub is_temporary: bool,
}

impl NoText {
    fn never(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_temporary: false }
    }

    fn not_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_temporary: true }
    }
}
