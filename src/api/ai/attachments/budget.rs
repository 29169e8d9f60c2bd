//! The files that one model accepts, and how it is given them.

use crate::api::files::text::{DocumentReaders, FileTexts, decode_start};
use crate::api::files::{Attachment, dimensions, is_picture, is_text};
use crate::providers::ChosenModel;
use crate::providers::catalogue::Capability;

/// Files in one message.
const MAX_FILES: usize = 20;
/// Pictures and PDF files in one request: with base64 they stay below what providers take.
const MAX_BINARY_BYTES: u64 = 20 << 20;
/// How much of a text a model is shown; smaller context windows are shown less.
const MAX_TEXT_BYTES: u64 = 400_000;
/// Longer texts are not read at all in order to be trimmed.
const MAX_TEXT_SOURCE_BYTES: u64 = 64 << 20;

/// The tool whose scripts can read any file.
pub(super) const RUN_SCRIPT: &str = "run_script";

/// How a model reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Picture,
    Pdf,
    Text,
    /// Of another format; the text of some is known.
    Other,
}

impl Kind {
    pub(super) fn from_media_type(media_type: &str) -> Self {
        match media_type {
            _ if is_picture(media_type) => Self::Picture,
            "application/pdf" => Self::Pdf,
            _ if is_text(media_type) => Self::Text,
            _ => Self::Other,
        }
    }
}

/// What a model is given of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Its bytes.
    Content,
    /// The text that is found in it.
    Text,
    /// Its name and id, for a tool that reads it.
    Name,
}

/// What there is beside the model to read files.
pub(super) struct Means {
    documents: DocumentReaders,
    /// Whether the model may call `run_script`.
    offers_scripts: bool,
}

impl Means {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self { documents: DocumentReaders::none(), offers_scripts: false }
    }

    /// For these files. Whether there is Python is not waited for if the model takes all of them itself.
    pub(super) async fn new(
        texts: &FileTexts,
        model: &ChosenModel,
        attachments: &[&Attachment],
        offers_scripts: bool,
    ) -> Self {
        let nothing = Self::none();
        let mut itself = Budget::new(model, &nothing);
        if attachments.iter().all(|attachment| itself.give(attachment).is_ok()) {
            return nothing;
        }
        Self { documents: texts.readers().await, offers_scripts }
    }
}

/// The files that one model accepts.
pub(super) struct Budget<'a> {
    model: &'a ChosenModel,
    means: &'a Means,
    files: usize,
    binary_bytes: u64,
}

impl<'a> Budget<'a> {
    pub(super) fn new(model: &'a ChosenModel, means: &'a Means) -> Self {
        Self { model, means, files: 0, binary_bytes: 0 }
    }

    /// Whether the model may call `run_script`.
    pub(super) fn offers_scripts(&self) -> bool {
        self.means.offers_scripts
    }

    /// How the model is given this file too. `Err` says why it is not.
    pub(super) fn give(&mut self, attachment: &Attachment) -> Result<Given, String> {
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(format!("is one too many: a message may have at most {MAX_FILES} files"));
        }
        if attachment.size == 0 {
            return Err("is empty".to_owned());
        }
        let refusal = match self.give_itself(attachment) {
            Ok(given) => return Ok(given),
            Err(refusal) => refusal,
        };
        let Means { documents, offers_scripts } = self.means;
        let fits = attachment.size <= documents.max_bytes;
        match (documents.has_python(), fits) {
            (true, true) if *offers_scripts => Ok(Given::Name),
            (true, true) => Err(format!(
                "{refusal}; a script can read it: offer the tool {RUN_SCRIPT}, with tools: \
                 [\"{RUN_SCRIPT}\"]"
            )),
            (true, false) if *offers_scripts => {
                let most = mebibytes(documents.max_bytes);
                Err(format!("{refusal}; it is too large for a script as well: at most {most}"))
            }
            _ => Err(refusal),
        }
    }

    /// Without a tool. `Err` says why the model cannot take it.
    fn give_itself(&mut self, attachment: &Attachment) -> Result<Given, String> {
        let Attachment { media_type, size, .. } = attachment;
        let id = &self.model.id;
        self.check_refused(attachment)?;
        match Kind::from_media_type(media_type) {
            Kind::Text if *size > MAX_TEXT_SOURCE_BYTES => {
                return Err("is too long a text: at most 64 MiB".to_owned());
            }
            Kind::Text => return Ok(Given::Content),
            Kind::Picture if !self.model.can(Capability::Vision) => {
                return Err(format!("is a picture, which {id} cannot see; choose another model"));
            }
            Kind::Picture if *size > self.max_picture() => {
                let most = mebibytes(self.max_picture());
                return Err(format!("is too large a picture for {id}: at most {most}"));
            }
            Kind::Pdf if !self.model.can(Capability::Documents) => {
                return self.give_text(attachment);
            }
            Kind::Other => return self.give_text(attachment),
            Kind::Picture | Kind::Pdf => {}
        }
        if let Some(refusal) = self.too_wide(attachment.dimensions) {
            return Err(refusal);
        }
        self.binary_bytes += size;
        if self.binary_bytes > MAX_BINARY_BYTES {
            return Err("is too large: pictures and PDF files may have 20 MiB together".to_owned());
        }
        Ok(Given::Content)
    }

    fn check_refused(&self, attachment: &Attachment) -> Result<(), String> {
        let provider = self.model.provider().as_str();
        match attachment.refused_by.as_deref() {
            Some(refused_by) if refused_by == provider => Err(format!(
                "could not be read by {provider} before; send another file or choose a model of \
                 another provider"
            )),
            _ => Ok(()),
        }
    }

    /// The text of a document, where this server can read it.
    fn give_text(&self, attachment: &Attachment) -> Result<Given, String> {
        let Attachment { media_type, size, .. } = attachment;
        let documents = &self.means.documents;
        if !FileTexts::is_document(media_type) {
            return Err(format!(
                "is of the type {media_type}, which models cannot read; they read PNG, JPEG, GIF and \
                 WebP pictures, PDF, Word and text files"
            ));
        }
        if *size > documents.max_bytes {
            let most = mebibytes(documents.max_bytes);
            return Err(format!("is too large for its text to be read: at most {most}"));
        }
        documents.check(media_type).map(|()| Given::Text).map_err(|no_text| {
            let id = &self.model.id;
            match Kind::from_media_type(media_type) {
                Kind::Pdf => format!(
                    "is a PDF file, which {id} cannot read, and its text {}; choose another model",
                    no_text.reason
                ),
                _ => format!("is a document whose text {}", no_text.reason),
            }
        })
    }

    fn max_picture(&self) -> u64 {
        self.model.provider_capabilities().max_image_bytes
    }

    fn too_wide(&self, dimensions: Option<(usize, usize)>) -> Option<String> {
        let (width, height) = dimensions?;
        let most = self.model.provider_capabilities().max_image_side?;
        (width.max(height) > most).then(|| {
            let id = &self.model.id;
            format!("is too large a picture for {id}: at most {most} pixels a side")
        })
    }

    /// Why the model cannot take a file whose bytes are these.
    pub(super) fn content_refusal(&self, attachment: &Attachment, bytes: &[u8]) -> Option<String> {
        if Kind::from_media_type(&attachment.media_type) == Kind::Text && is_blank(bytes) {
            return Some("has no text".to_owned());
        }
        match dimensions(&attachment.media_type, bytes, attachment.size) {
            Ok(dimensions) => self.too_wide(dimensions),
            Err(problem) => Some(problem.to_owned()),
        }
    }

    /// How many bytes of a file the model is given.
    pub(super) fn visible_bytes(&self, attachment: &Attachment) -> usize {
        match Kind::from_media_type(&attachment.media_type) {
            Kind::Text => {
                self.max_text().min(usize::try_from(attachment.size).unwrap_or(usize::MAX))
            }
            _ => usize::try_from(attachment.size).unwrap_or(usize::MAX),
        }
    }

    /// How much of a text the model reads: an eighth of what it can take in, at about three bytes a token.
    pub(super) fn max_text(&self) -> usize {
        let window = self.model.context_window().map_or(u64::MAX, |tokens| tokens * 3 / 8);
        usize::try_from(window.min(MAX_TEXT_BYTES)).unwrap_or(usize::MAX)
    }
}

/// Whether the first bytes of a text have nothing to read.
fn is_blank(bytes: &[u8]) -> bool {
    let invisible = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    decode_start(bytes).is_some_and(|decoded| decoded.text.chars().all(invisible))
}

/// `3.75 MiB`, without zeros at the end.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_letters_are_blank() {
        for blank in ["", " \n\t", "\u{feff}", "\u{a0}\u{2003}\u{200b}"] {
            assert!(is_blank(blank.as_bytes()), "{blank:?}");
        }
        assert!(is_blank(b"\xff\xfe \0"), "in UTF-16");
        assert!(!is_blank(b".") && !is_blank(b"\0"));
    }

    #[test]
    fn kinds() {
        let kinds = ["image/png", "application/pdf", "text/csv", "application/json", "image/tiff"]
            .map(Kind::from_media_type);
        use Kind::{Other, Pdf, Picture, Text};
        assert_eq!(kinds, [Picture, Pdf, Text, Text, Other]);
    }
}
