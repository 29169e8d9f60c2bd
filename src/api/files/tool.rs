//! The tool `files`, with which a model works with the files of its user.

use uuid::Uuid;

use super::media_type::is_text;
use super::model::{File, FileFilter};
use super::service::{Files, Owner};
use super::text::{FileTexts, decode, decode_start};
use super::upload::metadata::NewFile;
use crate::agent::tools::prelude::*;
use crate::http::error::ApiError;

/// The most that one call reads of a text.
const MAX_READ: u64 = 64 * 1024;
/// The most files that one call lists.
const MAX_LISTED: usize = 100;

/// Lists, reads and writes the caller's files.
pub struct FilesTool {
    files: Files,
    texts: FileTexts,
}

/// What the model sends: an action and what that action needs. Providers take no alternatives at the
/// top of a schema, so all of it is one struct.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    action: Action,
    /// list: a part of the name
    search: Option<String>,
    /// read
    file_id: Option<Uuid>,
    /// read, write: such as notes.md
    name: Option<String>,
    /// read: in bytes
    offset: Option<u64>,
    /// write: the text
    content: Option<String>,
    /// write: where the name does not tell
    media_type: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    List,
    Read,
    Write,
}

impl FilesTool {
    /// The tool for these files and their texts.
    pub fn new(files: Files, texts: FileTexts) -> Self {
        Self { files, texts }
    }

    async fn write(
        &self,
        owner: &Owner,
        chat_id: Option<Uuid>,
        arguments: Arguments,
    ) -> ToolResult {
        let Arguments { name: Some(name), content: Some(content), media_type, .. } = arguments
        else {
            return Err("To write a file, say its name and its content.".into());
        };
        let new = NewFile { name, media_type, chat_id, ..NewFile::default() };
        let written = self.files.write(owner, new, content).await;
        written.map(|file| to_json(&file)).map_err(sentence)
    }

    async fn list(&self, owner: &Owner, search: Option<String>) -> ToolResult {
        let q = search.filter(|search| !search.is_empty());
        let filter = FileFilter { q, chat_id: None };
        let mut files = self.files.list(owner, &filter, MAX_LISTED + 1).await.map_err(sentence)?;
        let has_more = files.len() > MAX_LISTED;
        files.truncate(MAX_LISTED);
        let files: Vec<_> = files.iter().map(to_json).collect();
        Ok(json!({ "files": files, "has_more": has_more }))
    }

    /// The file with this id, or the newest one with this name.
    async fn find(
        &self,
        owner: &Owner,
        id: Option<Uuid>,
        name: Option<&str>,
    ) -> Result<File, String> {
        if let Some(id) = id {
            return self.files.get(owner, id).await.map_err(sentence);
        }
        let name = name.ok_or("Say which file: file_id or name is missing.")?;
        let filter = FileFilter { q: Some(name.to_owned()), chat_id: None };
        let found = self.files.list(owner, &filter, MAX_LISTED).await.map_err(sentence)?;
        let found = found.into_iter().find(|file| file.name == name);
        found.ok_or_else(|| format!("There is no file named {name}. List the files first."))
    }

    async fn read(&self, owner: &Owner, file: &File, offset: u64) -> ToolResult {
        if !FileTexts::has_text(&file.media_type) {
            return Err(format!("{} is {}, not text.", file.name, file.media_type));
        }
        if !self.is_utf8(owner, file).await? {
            return self.read_found_text(owner, file, offset).await;
        }
        if offset > 0 && offset >= file.size {
            return Err(format!("{} has only {} bytes.", file.name, file.size));
        }
        let length = MAX_READ.min(file.size - offset);
        let bytes = self.files.read_part(owner, file.id, offset, length).await.map_err(sentence)?;
        let end = offset + length;
        // A character that the end would split belongs to the next part.
        let whole = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() && end < file.size => error.valid_up_to(),
            _ => bytes.len(),
        };
        let next = offset + whole as u64;
        let mut answer = to_json(file);
        answer["content"] = json!(String::from_utf8_lossy(&bytes[..whole]));
        if next < file.size {
            answer["next_offset"] = json!(next);
        }
        Ok(answer)
    }
}

impl FilesTool {
    /// Whether a file is text that can be read from any place.
    async fn is_utf8(&self, owner: &Owner, file: &File) -> Result<bool, String> {
        if !is_text(&file.media_type) {
            return Ok(false);
        }
        let length = MAX_READ.min(file.size);
        let head = self.files.read_part(owner, file.id, 0, length).await.map_err(sentence)?;
        // What is no text at all is shown as well as it can be.
        let text = if length < file.size { decode_start(&head) } else { decode(&head) };
        Ok(text.is_none_or(|text| text.note.is_none()))
    }

    /// Reads the text of a document, or of a file in another encoding; `offset` counts its bytes in UTF-8.
    async fn read_found_text(&self, owner: &Owner, file: &File, offset: u64) -> ToolResult {
        let found = self.texts.read(owner, file).await;
        let found = found.map_err(|no_text| format!("{} {}.", file.name, no_text.reason))?;
        let text = found.to_string();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if start > 0 && start >= text.len() {
            return Err(format!("The text of {} has only {} bytes.", file.name, text.len()));
        }
        let start = text.floor_char_boundary(start);
        let end = text.floor_char_boundary(start + MAX_READ as usize);
        let mut answer = to_json(file);
        answer["content"] = json!(&text[start..end]);
        if let Some(note) = &found.note {
            answer["note"] = json!(note);
        }
        if end < text.len() {
            answer["next_offset"] = json!(end);
        }
        Ok(answer)
    }
}

impl Tool for FilesTool {
    type Arguments = Arguments;
    const NAME: &'static str = "files";
    const DESCRIPTION: &'static str = "The person's files. `list` shows the newest files, or those \
        with `search` in their name. `read` gives the text of a file, also of PDF and Word \
        documents, by its `file_id` or exact `name`, 64 KiB at a time: go on at `next_offset`. `write` stores `content` as a new file; a \
        file that is there is never changed.";

    async fn run(&self, arguments: Arguments, context: &ToolContext) -> ToolResult {
        let owner = Owner::from(&*context.credentials);
        match arguments.action {
            Action::List => self.list(&owner, arguments.search).await,
            Action::Read => {
                let name = arguments.name.as_deref();
                let file = self.find(&owner, arguments.file_id, name).await?;
                self.read(&owner, &file, arguments.offset.unwrap_or(0)).await
            }
            Action::Write => self.write(&owner, context.chat_id, arguments).await,
        }
    }
}

fn to_json(file: &File) -> Value {
    json!({
        "file_id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "created_at": file.created_at,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn sentence(error: ApiError) -> String {
    error.detail().to_owned()
}
