//! Files for a model: those of a new message are checked, those of the history are loaded.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Ai;
use super::request::ChatRequest;
use super::stateless::StatelessRequest;
use crate::agent::{HistoryMessage, Part};
use crate::api::files::model::File;
use crate::api::files::{
    AttachedContent, Attachment, Files, Owner, PartsContext, dimensions, is_picture, is_text,
};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::Held;
use crate::providers::catalogue::Capability;
use crate::providers::{ChosenModel, Content};

/// Files in one message.
const MAX_FILES: usize = 20;
/// Files of a history that are looked for: some may be gone.
const MAX_LOOKED_UP: usize = 100;
/// Pictures and PDF files in one request: with base64 they stay below what providers take.
const MAX_BINARY_BYTES: u64 = 20 << 20;
/// How much of a text a model is shown; smaller context windows are shown less.
const MAX_TEXT_BYTES: u64 = 400_000;
/// Longer texts are not read at all in order to be trimmed.
const MAX_TEXT_SOURCE_BYTES: u64 = 64 << 20;

/// How a model reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Picture,
    Pdf,
    Text,
    Unreadable,
}

impl Kind {
    fn from_media_type(media_type: &str) -> Self {
        match media_type {
            _ if is_picture(media_type) => Self::Picture,
            "application/pdf" => Self::Pdf,
            _ if is_text(media_type) => Self::Text,
            _ => Self::Unreadable,
        }
    }
}

/// Stores what the new message brings as data, and refuses what its model cannot take: 422, before
/// anything is stored or billed.
pub(super) async fn prepare(
    ai: &Ai,
    user: &CurrentUser,
    chat_id: Uuid,
    create_chat: bool,
    request: &mut ChatRequest,
) -> Result<(), ApiError> {
    let Some(turn) = &mut request.user_message else { return Ok(()) };
    if turn.parts.iter().all(|part| part["type"] != "file") {
        return Ok(());
    }
    let chat = chat(ai, user, chat_id).await?;
    if chat.is_none() && !create_chat {
        return Err(ApiError::not_found("chat"));
    }
    let model = request.model.as_deref().or(chat.as_ref().and_then(|chat| chat.model.as_deref()));
    let Ok(model) = ai.providers.choose(model) else {
        // Whoever asks the model says what is wrong with it.
        return Ok(());
    };
    let mut budget = Budget::new(&model);
    let pointer = format!("{}/parts", turn.pointer);
    let chat_id = chat.map(|_| chat_id);
    let context = PartsContext { pointer: &pointer, message_id: turn.id, chat_id };
    let check = |attachment: &Attachment| budget.refusal(attachment);
    ai.files.resolve(&Owner::from(user), &mut turn.parts, context, check).await
}

/// Reads the files of a conversation that is not stored; 422 for what its model cannot take.
pub(super) async fn read(
    ai: &Ai,
    user: &CurrentUser,
    request: &mut StatelessRequest,
) -> Result<(), ApiError> {
    let StatelessRequest { history, model, held, .. } = request;
    let Ok(model) = ai.providers.choose(model.as_deref()) else { return Ok(()) };
    let owner = Owner::from(user);
    let mut budget = Budget::new(&model);
    for (index, message) in history.iter_mut().enumerate() {
        let pointer = format!("/messages/{index}/content");
        let parts: Vec<Value> = message.parts.iter().map(other).collect();
        let check = |attachment: &Attachment| budget.refusal(attachment);
        for part in ai.files.find_attachments(&owner, &parts, &pointer, check).await? {
            let visible = budget.visible_bytes(&part.attachment);
            held.grow(cost(visible))?;
            let bytes = match part.content {
                AttachedContent::Inline(bytes) => bytes.slice(..visible),
                AttachedContent::Stored(file) => {
                    ai.files.read_part(&owner, file.id, 0, visible as u64).await?
                }
            };
            if let Some(problem) = budget.content_refusal(&part.attachment, &bytes) {
                return Err(ApiError::invalid(format!("{pointer}/{}", part.index), problem));
            }
            // The name by which the prompt finds the content.
            let id = Uuid::now_v7();
            message.parts[part.index] = Part::Other(json!({ "type": "file", "file_id": id }));
            message.files.insert(id, content(part.attachment, &bytes));
        }
    }
    Ok(())
}

fn other(part: &Part) -> Value {
    match part {
        Part::Other(value) => value.clone(),
        _ => Value::Null,
    }
}

#[derive(Deserialize)]
struct Chat {
    model: Option<String>,
}

async fn chat(ai: &Ai, user: &CurrentUser, chat_id: Uuid) -> Result<Option<Chat>, ApiError> {
    let query = ai.supabase.rest(user.caller()).from("chats").eq("id", chat_id);
    let mut chats: Vec<Chat> = query.select("model").value().await?;
    Ok(chats.pop())
}

/// The files that one model accepts.
struct Budget<'a> {
    model: &'a ChosenModel,
    files: usize,
    binary_bytes: u64,
}

impl<'a> Budget<'a> {
    fn new(model: &'a ChosenModel) -> Self {
        Self { model, files: 0, binary_bytes: 0 }
    }

    /// Why the model cannot take this file too.
    fn refusal(&mut self, attachment: &Attachment) -> Option<String> {
        let Attachment { media_type, size, refused_by, .. } = attachment;
        let id = &self.model.id;
        self.files += 1;
        if self.files > MAX_FILES {
            return Some(format!("is one too many: a message may have at most {MAX_FILES} files"));
        }
        if *size == 0 {
            return Some("is empty".to_owned());
        }
        let provider = self.model.provider().as_str();
        if refused_by.as_deref() == Some(provider) {
            return Some(format!(
                "could not be read by {provider} before; send another file or choose a model of \
                 another provider"
            ));
        }
        match Kind::from_media_type(media_type) {
            Kind::Unreadable => {
                return Some(format!(
                    "is of the type {media_type}, which models cannot read; they read PNG, JPEG, \
                     GIF and WebP pictures, PDF and text files"
                ));
            }
            Kind::Text if *size > MAX_TEXT_SOURCE_BYTES => {
                return Some("is too long a text: at most 64 MiB".to_owned());
            }
            Kind::Text => return None,
            Kind::Picture if !self.model.can(Capability::Vision) => {
                return Some(format!("is a picture, which {id} cannot see; choose another model"));
            }
            Kind::Pdf if !self.model.can(Capability::Documents) => {
                return Some(format!(
                    "is a PDF file, which {id} cannot read; choose another model"
                ));
            }
            Kind::Picture if *size > self.max_picture() => {
                let most = mebibytes(self.max_picture());
                return Some(format!("is too large a picture for {id}: at most {most}"));
            }
            Kind::Picture | Kind::Pdf => {}
        }
        if let Some(refusal) = self.too_wide(attachment.dimensions) {
            return Some(refusal);
        }
        self.binary_bytes += size;
        (self.binary_bytes > MAX_BINARY_BYTES)
            .then(|| "is too large: pictures and PDF files may have 20 MiB together".to_owned())
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
    fn content_refusal(&self, attachment: &Attachment, bytes: &[u8]) -> Option<String> {
        if Kind::from_media_type(&attachment.media_type) == Kind::Text
            && bytes.trim_ascii().is_empty()
        {
            return Some("has no text".to_owned());
        }
        match dimensions(&attachment.media_type, bytes, attachment.size) {
            Ok(dimensions) => self.too_wide(dimensions),
            Err(problem) => Some(problem.to_owned()),
        }
    }

    /// How many bytes of a file the model reads: of a text, an eighth of what it can take in, at
    /// about three bytes a token.
    fn visible_bytes(&self, attachment: &Attachment) -> usize {
        let window = self.model.context_window().map_or(u64::MAX, |tokens| tokens * 3 / 8);
        let most = match Kind::from_media_type(&attachment.media_type) {
            Kind::Text => window.min(MAX_TEXT_BYTES),
            _ => u64::MAX,
        };
        usize::try_from(attachment.size.min(most)).unwrap_or(usize::MAX)
    }
}

/// `3.75 MiB`, without zeros at the end.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Loads the files of a history into it, newest first, as far as the model accepts them. Of the others,
/// and of deleted ones, the model reads only the name.
pub(super) async fn load(
    files: &Files,
    owner: &Owner,
    history: &mut [HistoryMessage],
    model: &ChosenModel,
    held: &Held,
) {
    let newest = history.iter().rev().flat_map(|message| message.parts.iter());
    let ids: Vec<Uuid> = newest.filter_map(file_id).take(MAX_LOOKED_UP).collect();
    let known = match files.get_many(owner, &ids).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!("the files of a history could not be loaded: {error:?}");
            return;
        }
    };
    let known: HashMap<Uuid, File> = known.into_iter().map(|file| (file.id, file)).collect();
    let mut budget = Budget::new(model);
    for message in history.iter_mut().rev() {
        let mut loaded = HashMap::new();
        for id in message.parts.iter().filter_map(file_id) {
            let Some(file) = known.get(&id) else { continue };
            let attachment = Attachment::from(file);
            if budget.refusal(&attachment).is_some() {
                continue;
            }
            let visible = budget.visible_bytes(&attachment);
            if let Err(full) = held.grow(cost(visible)) {
                tracing::warn!("file {id} is not loaded: {full}");
                continue;
            }
            match files.read_part(owner, id, 0, visible as u64).await {
                Ok(bytes) => match budget.content_refusal(&attachment, &bytes) {
                    None => drop(loaded.insert(id, content(attachment, &bytes))),
                    Some(problem) => tracing::info!("file {id} {problem}: it is only named"),
                },
                Err(error) => tracing::warn!("file {id} could not be loaded: {error:?}"),
            }
        }
        message.files = loaded;
    }
}

/// The memory that a file takes: as base64, and twice in the request.
fn cost(bytes: usize) -> usize {
    bytes.saturating_mul(4)
}

fn file_id(part: &Part) -> Option<Uuid> {
    match part {
        Part::Other(value) if value["type"] == "file" => value["file_id"].as_str()?.parse().ok(),
        _ => None,
    }
}

/// A file as the model is shown it, of which these are the first bytes.
fn content(attachment: Attachment, bytes: &[u8]) -> Content {
    let Attachment { name, media_type, size, .. } = attachment;
    let (media_type, base64) = match Kind::from_media_type(&media_type) {
        Kind::Picture => {
            return Content::Image { media_type, base64: STANDARD.encode(bytes) };
        }
        Kind::Text => ("text/plain".to_owned(), STANDARD.encode(trimmed(bytes, size))),
        Kind::Pdf | Kind::Unreadable => (media_type, STANDARD.encode(bytes)),
    };
    Content::Document { media_type, name, base64 }
}

/// The text, with a note if it is truncated.
fn trimmed(bytes: &[u8], size: u64) -> String {
    if bytes.len() as u64 == size {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    // The cut may be inside a character.
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    let text = String::from_utf8_lossy(whole);
    format!("{text}\n[… cut here: the first {} of {size} bytes are shown]", whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_say_that_they_were_cut() {
        assert_eq!(trimmed("né".as_bytes(), 3), "né");
        assert_eq!(
            trimmed(&"né".as_bytes()[..2], 3),
            "n\n[… cut here: the first 1 of 3 bytes are shown]"
        );
    }

    #[test]
    fn kinds() {
        let kinds = ["image/png", "application/pdf", "text/csv", "application/json", "image/tiff"]
            .map(Kind::from_media_type);
        use Kind::{Pdf, Picture, Text, Unreadable};
        assert_eq!(kinds, [Picture, Pdf, Text, Text, Unreadable]);
    }
}
