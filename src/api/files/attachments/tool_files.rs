//! Files that tools have made: they become the user's, and parts of the answer.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, json};
use uuid::Uuid;

use super::resolve::stored_part;
use crate::agent::StoredFile;
use crate::agent::tools::source::ToolFile;
use crate::api::files::model::File;
use crate::api::files::service::{Files, Owner};
use crate::api::files::upload::metadata::NewFile;
use crate::api::files::{media_type, name};
use crate::http::error::ApiError;

/// The most files of one call.
const MAX_FILES: usize = 16;

/// The call that has made files.
pub struct ToolCallSource<'a> {
    /// The chat.
    pub chat_id: Uuid,
    /// The answer.
    pub message_id: Uuid,
    /// The provider's id of the call.
    pub call_id: &'a str,
}

impl Files {
    /// Stores them. The parts of the message that show them; of one that cannot be stored, a text that says
    /// why.
    pub async fn store_tool_files(
        &self,
        owner: &Owner,
        source: &ToolCallSource<'_>,
        files: Vec<ToolFile>,
    ) -> Vec<StoredFile> {
        let mut shown = Vec::new();
        let count = files.len();
        for (index, file) in files.into_iter().take(MAX_FILES).enumerate() {
            let name = name::clean(&file.name);
            shown.push(match self.store_tool_file(owner, source, index, file).await {
                Ok(file) => {
                    let part = stored_part(&file, None);
                    let signed = self.signed(owner, vec![file]).await.unwrap_or_default();
                    StoredFile { part, signed_url: signed.into_iter().find_map(|file| file.url) }
                }
                Err(error) => {
                    tracing::warn!("a file that a tool has made is not stored: {error:?}");
                    not_stored(&name, error.detail())
                }
            });
        }
        if count > MAX_FILES {
            let more = format!("{} more files", count - MAX_FILES);
            shown.push(not_stored(&more, &format!("A call may make {MAX_FILES}.")));
        }
        shown
    }

    async fn store_tool_file(
        &self,
        owner: &Owner,
        source: &ToolCallSource<'_>,
        index: usize,
        file: ToolFile,
    ) -> Result<File, ApiError> {
        // A call that is made again makes the same files.
        let hash = digest(&SHA256, &file.bytes);
        let seed = format!("{}/{index}/", source.call_id);
        let id = Uuid::new_v5(&source.message_id, &[seed.as_bytes(), hash.as_ref()].concat());
        if let Some(file) = self.get_many(owner, &[id]).await?.pop() {
            return Ok(file);
        }
        let name = name::clean(&file.name);
        let head = &file.bytes[..file.bytes.len().min(media_type::HEAD)];
        // What a tool says is believed only where the bytes agree.
        let media_type = media_type::media_type(Some(&file.media_type), &name, head);
        let new = NewFile {
            id: Some(id),
            name,
            media_type: Some(media_type.unwrap_or_else(|found| {
                if found.contains('/') { found } else { "application/octet-stream" }.to_owned()
            })),
            chat_id: Some(source.chat_id),
            metadata: Map::new(),
        };
        self.write(owner, new, file.bytes).await
    }
}

fn not_stored(name: &str, why: &str) -> StoredFile {
    let data = json!({ "name": name, "reason": why });
    let part = json!({ "type": "data-file-not-stored", "data": data });
    StoredFile { part, signed_url: None }
}
