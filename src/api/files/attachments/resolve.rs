//! `file` parts of incoming messages. Each refers to a file of the caller's, or contains a data URL,
//! which is stored as a file: a message's row never contains the bytes.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::files::model::File;
use crate::api::files::picture::Dimensions;
use crate::api::files::service::{BUCKET, Files, Owner};
use crate::api::files::upload::metadata::NewFile;
use crate::api::files::{media_type, name, picture};
use crate::http::error::ApiError;
use crate::http::validate::Checks;

/// The number of files that may be looked up at once.
const MAX_FILES: usize = 100;

/// Where the parts are.
pub struct PartsContext<'a> {
    /// The pointer to the parts, e.g. `/message/parts`.
    pub pointer: &'a str,
    /// ID of the message. The same message, sent again, creates the same files.
    pub message_id: Uuid,
    /// ID of its chat, if it already exists.
    pub chat_id: Option<Uuid>,
}

/// The properties of a file before it is stored.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Width and height, for a picture whose dimensions are known.
    pub dimensions: Option<Dimensions>,
    /// The provider that could not read it.
    pub refused_by: Option<String>,
}

impl From<&File> for Attachment {
    fn from(file: &File) -> Self {
        Self {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            dimensions: None,
            refused_by: file.refused_by.clone(),
        }
    }
}

/// A `file` part and the file that it refers to.
pub struct FilePart {
    /// Its index among the parts.
    pub index: usize,
    /// The file that it refers to.
    pub attachment: Attachment,
    /// Where the bytes are.
    pub content: AttachedContent,
}

/// Where the bytes of a `file` part are.
pub enum AttachedContent {
    /// In Storage.
    Stored(Box<File>),
    /// In the request.
    Inline(Bytes),
}

/// What a part refers to.
enum Source {
    File(Uuid),
    Data { media_type: Option<String>, bytes: Bytes },
}

impl Files {
    /// Replaces every `file` part by one that refers to a stored file; 422 for anything that is not a file
    /// of the owner's.
    pub async fn resolve(
        &self,
        owner: &Owner,
        parts: &mut [Value],
        context: PartsContext<'_>,
    ) -> Result<(), ApiError> {
        let found = self.find_attachments(owner, parts, context.pointer).await?;
        self.store_attachments(owner, parts, found, &context).await
    }

    /// Replaces `file` parts that were found by ones that refer to stored files.
    pub async fn store_attachments(
        &self,
        owner: &Owner,
        parts: &mut [Value],
        found: Vec<FilePart>,
        context: &PartsContext<'_>,
    ) -> Result<(), ApiError> {
        for part in found {
            let index = part.index;
            let filename = parts[index]["filename"].as_str().map(name::clean);
            let file = self.store_if_new(owner, part, context).await?;
            parts[index] = stored_part(&file, filename.as_deref());
        }
        Ok(())
    }

    /// The files that `file` parts refer to; 422 for anything that is not a file of the owner's.
    pub async fn find_attachments(
        &self,
        owner: &Owner,
        parts: &[Value],
        pointer: &str,
    ) -> Result<Vec<FilePart>, ApiError> {
        let mut checks = Checks::default();
        let mut sources = Vec::new();
        for (index, part) in parts.iter().enumerate().filter(|(_, part)| part["type"] == "file") {
            match self.parse_source(part, owner) {
                Ok(source) => sources.push((index, source)),
                Err((field, detail)) => checks.refuse(format!("{pointer}/{index}{field}"), detail),
            }
        }
        if sources.len() > MAX_FILES {
            checks.refuse(pointer, format!("must have at most {MAX_FILES} files"));
        }
        checks.finish()?;
        let known = self.find_known_files(owner, &sources).await?;
        let mut checks = Checks::default();
        let mut found = Vec::new();
        for (index, source) in sources {
            let filename = parts[index]["filename"].as_str();
            match self.file_part(owner, index, source, filename, &known).await {
                Ok(part) => found.push(part),
                Err((field, detail)) => checks.refuse(format!("{pointer}/{index}{field}"), detail),
            }
        }
        checks.finish()?;
        Ok(found)
    }

    async fn file_part(
        &self,
        owner: &Owner,
        index: usize,
        source: Source,
        filename: Option<&str>,
        known: &HashMap<Uuid, File>,
    ) -> Result<FilePart, (&'static str, String)> {
        let (attachment, content) = match source {
            Source::File(id) => {
                let file = known.get(&id).ok_or(("", "is not a file of yours".to_owned()))?;
                let dimensions = self.dimensions(owner, file).await;
                let dimensions = dimensions.map_err(|problem| ("", problem.to_owned()))?;
                let attachment = Attachment { dimensions, ..file.into() };
                (attachment, AttachedContent::Stored(Box::new(file.clone())))
            }
            Source::Data { media_type, bytes } => {
                let attachment = inline_attachment(media_type.as_deref(), &bytes, filename)?;
                (attachment, AttachedContent::Inline(bytes))
            }
        };
        Ok(FilePart { index, attachment, content })
    }

    /// The width and height of a stored picture, from its first bytes. Files of earlier releases were
    /// not inspected when they were uploaded.
    async fn dimensions(
        &self,
        owner: &Owner,
        file: &File,
    ) -> Result<Option<Dimensions>, &'static str> {
        if !picture::is_picture(&file.media_type) {
            return Ok(None);
        }
        let length = file.size.min(picture::HEAD as u64);
        match self.read_part(owner, file.id, 0, length).await {
            Ok(head) => picture::dimensions(&file.media_type, &head, file.size),
            // An invalid picture is reported when all of it is read.
            Err(_) => Ok(None),
        }
    }

    fn parse_source(
        &self,
        part: &Value,
        owner: &Owner,
    ) -> Result<Source, (&'static str, &'static str)> {
        if let Some(id) = part.get("file_id").filter(|id| !id.is_null()) {
            let id = id.as_str().and_then(|id| Uuid::try_parse(id).ok());
            return id.map(Source::File).ok_or(("/file_id", "must be a UUID"));
        }
        let Some(url) = part["url"].as_str() else {
            return Err(("/url", "is missing: send a file_id, a file's url, or a data URL"));
        };
        match url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            true => parse_data_url(&url[5..], part["mediaType"].as_str())
                .map_err(|detail| ("/url", detail)),
            false => self.file_id_from_url(url, owner).map(Source::File).ok_or((
                "/url",
                "must be the url of a file of yours or a data URL; upload the file first",
            )),
        }
    }

    /// The file that a URL of this server refers to.
    fn file_id_from_url(&self, url: &str, owner: &Owner) -> Option<Uuid> {
        let path = url.split(['?', '#']).next()?;
        if let Some(id) = path.strip_prefix("/api/files/") {
            return id.strip_suffix("/content").unwrap_or(id).parse().ok();
        }
        let object = path.strip_prefix(self.supabase.public_url())?;
        let object = object.strip_prefix("/storage/v1/object/sign/")?;
        let object = object.strip_prefix(BUCKET)?.strip_prefix('/')?;
        let (user, id) = object.split_once('/')?;
        (Uuid::try_parse(user).ok()? == owner.id).then(|| id.parse().ok()).flatten()
    }

    async fn find_known_files(
        &self,
        owner: &Owner,
        sources: &[(usize, Source)],
    ) -> Result<HashMap<Uuid, File>, ApiError> {
        let id = |(_, source): &(usize, Source)| match source {
            Source::File(id) => Some(*id),
            Source::Data { .. } => None,
        };
        let ids: Vec<Uuid> = sources.iter().filter_map(id).collect();
        let files = self.get_many(owner, &ids).await?;
        Ok(files.into_iter().map(|file| (file.id, file)).collect())
    }

    async fn store_if_new(
        &self,
        owner: &Owner,
        part: FilePart,
        context: &PartsContext<'_>,
    ) -> Result<File, ApiError> {
        let bytes = match part.content {
            AttachedContent::Stored(file) => return Ok(*file),
            AttachedContent::Inline(bytes) => bytes,
        };
        // The same bytes in the same position are the same file.
        let hash = digest(&SHA256, &bytes);
        let seed = [part.index.to_string().as_bytes(), hash.as_ref()].concat();
        let id = Uuid::new_v5(&context.message_id, &seed);
        if let Some(file) = self.get_many(owner, &[id]).await?.pop() {
            return Ok(file);
        }
        let Attachment { name, media_type, .. } = part.attachment;
        let new = NewFile {
            id: Some(id),
            name,
            media_type: Some(media_type),
            chat_id: context.chat_id,
            metadata: Map::new(),
        };
        self.write(owner, new, bytes).await
    }
}

/// A file that was part of the request.
fn inline_attachment(
    media_type: Option<&str>,
    bytes: &[u8],
    filename: Option<&str>,
) -> Result<Attachment, (&'static str, String)> {
    let name = name::clean(filename.unwrap_or_default());
    let head = &bytes[..bytes.len().min(media_type::HEAD)];
    let media_type = media_type::media_type(media_type, &name, head).map_err(|found| {
        let declared = media_type.unwrap_or_default();
        ("/mediaType", format!("is said to be {declared} but is {found}"))
    })?;
    let size = bytes.len() as u64;
    let dimensions = picture::dimensions(&media_type, bytes, size);
    let dimensions = dimensions.map_err(|problem| ("/url", problem.to_owned()))?;
    Ok(Attachment { name, media_type, size, dimensions, refused_by: None })
}

/// The part as it is stored.
pub(super) fn stored_part(file: &File, filename: Option<&str>) -> Value {
    let id = file.id.to_string();
    written_part(&id, filename.unwrap_or(&file.name), &file.media_type)
}

/// A file as a part of a message. Its URL does not expire; it is replaced by a signed one whenever the
/// message is read.
pub(in crate::api) fn written_part(id: &str, name: &str, media_type: &str) -> Value {
    json!({
        "type": "file",
        "mediaType": media_type,
        "filename": name,
        "url": format!("/api/files/{id}/content"),
        "file_id": id,
    })
}

/// The part of a data URL after `data:`.
fn parse_data_url(url: &str, declared: Option<&str>) -> Result<Source, &'static str> {
    let (head, content) = url.split_once(',').ok_or("is not a data URL")?;
    let (media_type, is_base64) = match head.strip_suffix(";base64") {
        Some(media_type) => (media_type, true),
        None => (head, false),
    };
    let decoded: Vec<u8> = percent_decode_str(content).collect();
    let bytes = if is_base64 {
        STANDARD.decode(decoded).map_err(|_| "is not valid base64")?
    } else {
        decoded
    };
    let media_type = Some(media_type).filter(|media_type| !media_type.is_empty()).or(declared);
    Ok(Source::Data { media_type: media_type.map(str::to_owned), bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls() {
        let read = |url, declared| match parse_data_url(url, declared) {
            Ok(Source::Data { media_type, bytes }) => {
                Ok((media_type.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap()))
            }
            Ok(Source::File(_)) => unreachable!(),
            Err(detail) => Err(detail),
        };
        let is = |media_type: &str, text: &str| Ok((media_type.to_owned(), text.to_owned()));
        assert_eq!(read("text/plain;base64,aGk=", None), is("text/plain", "hi"));
        assert_eq!(
            read("text/plain;charset=utf-8,h%20i", None),
            is("text/plain;charset=utf-8", "h i")
        );
        assert_eq!(read(";base64,aGk%3D", Some("text/csv")), is("text/csv", "hi"));
        assert_eq!(read("text/plain;base64,a?", None), Err("is not valid base64"));
        assert_eq!(read("text/plain", None), Err("is not a data URL"));
    }
}
