//! Documents whose text a script reads in the sandbox: what they contain is not to be trusted.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{FileText, NoText, Page};
use crate::compute::compute;
use crate::sandbox::{
    Client, Inventory, Language, Outcome, Sandbox, Script, ScriptFile, Slot, Status,
};

/// The script that reads them.
const READER: &str = include_str!("extract.py");
/// What is read of one document.
const MAX_PAGES: u32 = 2_000;
const MAX_CHARS: u32 = 4_000_000;
/// How long the reading of one may take. The script is to end by itself before.
const MAX_TIME: Duration = Duration::from_secs(30);
const SHARE_OF_TIME: f64 = 0.6;
/// The libraries that the script knows for PDF files.
const PDF_LIBRARIES: [&str; 3] = ["pymupdf", "pypdf", "pdfplumber"];

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pdf,
    Docx,
    Pptx,
}

impl Format {
    pub(super) fn from_media_type(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/pdf" => Self::Pdf,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Self::Docx,
            "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
                Self::Pptx
            }
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Pptx => "pptx",
        }
    }
}

/// Which documents this server can read.
#[derive(Clone, Debug)]
pub struct DocumentReaders {
    /// Python for scripts, or why there is none.
    python: Result<Inventory, String>,
    /// The largest file that a script is given.
    pub max_bytes: u64,
}

impl DocumentReaders {
    /// None at all.
    pub fn none() -> Self {
        Self { python: Err("is not looked for".into()), max_bytes: 0 }
    }

    pub(super) async fn of(sandbox: &Sandbox) -> Self {
        let max_bytes = sandbox.limits().files_bytes();
        Self { python: sandbox.python().await, max_bytes }
    }

    /// Whether scripts can read files that are no text.
    pub fn has_python(&self) -> bool {
        self.python.is_ok()
    }

    /// Whether the text of files of this type can be read. `Err` says why not.
    pub fn check(&self, media_type: &str) -> Result<(), NoText> {
        let Some(format) = Format::from_media_type(media_type) else {
            return Err(NoText::never(format!("is of the type {media_type}, which has no text")));
        };
        let python = self.python.as_ref().map_err(|_| {
            NoText::not_now("cannot be read: that needs Python, which this server does not have")
        })?;
        let has_library = python.modules.iter().any(|name| PDF_LIBRARIES.contains(&name.as_str()));
        if format == Format::Pdf && !has_library { Err(no_library()) } else { Ok(()) }
    }
}

/// A document to read, whose turn it is.
pub(super) struct Turn<'a> {
    sandbox: &'a Sandbox,
    slot: Slot<'a>,
    format: Format,
}

impl<'a> Turn<'a> {
    /// Waits among all scripts.
    pub(super) async fn wait(
        sandbox: &'a Sandbox,
        client: Client,
        format: Format,
    ) -> Result<Self, NoText> {
        let slot = sandbox.slot(client, Language::Python).await;
        let slot = slot.map_err(|reason| unavailable(&reason))?;
        Ok(Self { sandbox, slot, format })
    }

    pub(super) async fn read(&self, bytes: Bytes) -> Result<FileText, NoText> {
        let timeout = self.sandbox.limits().timeout.min(MAX_TIME);
        let script = Script {
            code: READER.to_owned(),
            input: Some(json!({
                "kind": self.format.as_str(),
                "max_pages": MAX_PAGES,
                "max_chars": MAX_CHARS,
                "seconds": timeout.as_secs_f64() * SHARE_OF_TIME,
            })),
            files: vec![ScriptFile { name: "document".into(), data: bytes }],
            timeout,
            ..Script::default()
        };
        let outcome = self.slot.run(&script).await.map_err(|reason| unavailable(&reason))?;
        let format = self.format;
        compute(move || text(&outcome, format)).await
    }
}

fn unavailable(reason: &str) -> NoText {
    tracing::warn!("a document cannot be read: {reason}");
    NoText::not_now("cannot be read on this server, because Python is not available")
}

fn no_library() -> NoText {
    let names = "pypdf, pymupdf or pdfplumber";
    NoText::not_now(format!(
        "cannot be read: this server's Python has no library for PDF files ({names})"
    ))
}

/// What the script has written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    problem: Option<Problem>,
    why: Option<String>,
    pages: Vec<FoundPage>,
    count: Option<u32>,
    is_cut: bool,
}

#[derive(Deserialize)]
struct FoundPage {
    number: Option<u32>,
    text: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Problem {
    NoLibrary,
    Protected,
    Damaged,
}

fn text(outcome: &Outcome, format: Format) -> Result<FileText, NoText> {
    let found = outcome.files.iter().find(|file| file.name == "text.json");
    let found = found.and_then(|file| serde_json::from_slice::<Found>(&file.data).ok());
    let found = match (outcome.status, found) {
        (Status::Ok, Some(found)) => found,
        (Status::Timeout, _) => return Err(NoText::never("takes too long to read")),
        (Status::MemoryLimit, _) => return Err(NoText::never("takes too much memory to read")),
        (Status::OutputLimit, _) => return Err(NoText::never("has too much text to be read")),
        (Status::Cancelled, _) => return Err(NoText::not_now("could not be read just now")),
        (status, _) => {
            tracing::warn!("a document was not read: {status:?}, {:?}", outcome.error);
            return Err(NoText::never("cannot be read: the program that reads it fails at it"));
        }
    };
    match found.problem {
        Some(Problem::NoLibrary) => return Err(no_library()),
        Some(Problem::Protected) => return Err(NoText::never("is protected by a password")),
        Some(Problem::Damaged) => {
            tracing::info!("a document cannot be read: {:?}", found.why);
            return Err(NoText::never("is damaged, so its text cannot be read"));
        }
        None => {}
    }
    if found.pages.iter().all(|page| page.text.trim().is_empty()) {
        let pictures = if format == Format::Pdf { ": its pages may be pictures" } else { "" };
        return Err(NoText::never(format!("has no text{pictures}")));
    }
    let note = found.is_cut.then(|| match found.count {
        Some(count) => format!("Only {} of its {count} pages were read.", found.pages.len()),
        None => "Only its beginning was read.".to_owned(),
    });
    let page = |FoundPage { number, text }| Page { number, text };
    Ok(FileText { pages: found.pages.into_iter().map(page).collect(), note })
}
