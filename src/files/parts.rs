//! `file` parts of incoming messages: each names a file of the caller's, or brings one as a data URL,
//! which is stored, so that bytes never lie in a message's row.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::File;
use super::upload::NewFile;
use super::{BUCKET, Files, Owner, kind, name};
use crate::error::ApiError;
use crate::validate::Checks;

/// Parts that may be looked up at once.
const MAX_PARTS: usize = 100;

/// Where the parts stand.
pub struct Place<'a> {
    /// The pointer to the message, e.g. `/message`.
    pub pointer: &'a str,
    /// The message: the same one, sent again, makes the same files.
    pub message_id: Uuid,
    /// Its chat, if it exists already.
    pub chat_id: Option<Uuid>,
}

/// A file that a part stands for, before it is stored.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
}

/// What a part refers to.
enum Source {
    File(Uuid),
    Data { media_type: Option<String>, bytes: Bytes },
}

/// A `file` part that has been read.
struct FilePart {
    index: usize,
    filename: Option<String>,
    source: Source,
}

impl Files {
    /// Replaces every `file` part by one that names a stored file. `check` may refuse a file, with a
    /// sentence, before anything is stored.
    pub async fn resolve(
        &self,
        owner: &Owner,
        parts: &mut [Value],
        place: Place<'_>,
        mut check: impl FnMut(&Attachment) -> Option<String>,
    ) -> Result<(), ApiError> {
        let mut checks = Checks::default();
        let found = self.read_parts(parts, owner, place.pointer, &mut checks);
        if found.len() > MAX_PARTS {
            let pointer = format!("{}/parts", place.pointer);
            checks.refuse(pointer, format!("must have at most {MAX_PARTS} files"));
        }
        checks.finish()?;
        let known = self.known(owner, &found).await?;
        let mut checks = Checks::default();
        for part in &found {
            let pointer = format!("{}/parts/{}", place.pointer, part.index);
            match part.attachment(&known) {
                Ok(attachment) => {
                    if let Some(refusal) = check(&attachment) {
                        checks.refuse(pointer, refusal);
                    }
                }
                Err((field, detail)) => checks.refuse(format!("{pointer}{field}"), detail),
            }
        }
        checks.finish()?;
        for part in found {
            let index = part.index;
            let filename = part.filename.clone();
            let file = self.stored(owner, part, &known, &place).await?;
            parts[index] = named(&file, filename);
        }
        Ok(())
    }

    fn read_parts(
        &self,
        parts: &[Value],
        owner: &Owner,
        pointer: &str,
        checks: &mut Checks,
    ) -> Vec<FilePart> {
        let mut found = Vec::new();
        for (index, part) in parts.iter().enumerate().filter(|(_, part)| part["type"] == "file") {
            let filename = part["filename"].as_str().map(name::clean);
            match self.source(part, owner) {
                Ok(source) => found.push(FilePart { index, filename, source }),
                Err((field, detail)) => {
                    checks.refuse(format!("{pointer}/parts/{index}{field}"), detail);
                }
            }
        }
        found
    }

    fn source(&self, part: &Value, owner: &Owner) -> Result<Source, (&'static str, &'static str)> {
        if let Some(id) = part.get("file_id").filter(|id| !id.is_null()) {
            let id = id.as_str().and_then(|id| Uuid::try_parse(id).ok());
            return id.map(Source::File).ok_or(("/file_id", "must be a UUID"));
        }
        let Some(url) = part["url"].as_str() else {
            return Err(("/url", "is missing: send a file_id, a file's url, or a data URL"));
        };
        match url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            true => data(&url[5..], part["mediaType"].as_str()).map_err(|detail| ("/url", detail)),
            false => self.file_of(url, owner).map(Source::File).ok_or((
                "/url",
                "must be the url of a file of yours or a data URL; upload the file first",
            )),
        }
    }

    /// The file that one of our own addresses leads to.
    fn file_of(&self, url: &str, owner: &Owner) -> Option<Uuid> {
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

    async fn known(
        &self,
        owner: &Owner,
        parts: &[FilePart],
    ) -> Result<HashMap<Uuid, File>, ApiError> {
        let ids: Vec<Uuid> = parts.iter().filter_map(FilePart::file_id).collect();
        let files = self.get_many(owner, &ids).await?;
        Ok(files.into_iter().map(|file| (file.id, file)).collect())
    }

    async fn stored(
        &self,
        owner: &Owner,
        part: FilePart,
        known: &HashMap<Uuid, File>,
        place: &Place<'_>,
    ) -> Result<File, ApiError> {
        let (media_type, bytes) = match part.source {
            Source::File(id) => {
                return known.get(&id).cloned().ok_or_else(|| ApiError::not_found("file"));
            }
            Source::Data { media_type, bytes } => (media_type, bytes),
        };
        // The same bytes at the same place are the same file.
        let hash = digest(&SHA256, &bytes);
        let seed = [part.index.to_string().as_bytes(), hash.as_ref()].concat();
        let id = Uuid::new_v5(&place.message_id, &seed);
        if let Some(file) = self.get_many(owner, &[id]).await?.pop() {
            return Ok(file);
        }
        let name = part.filename.unwrap_or_else(|| "file".to_owned());
        let chat_id = place.chat_id;
        let new = NewFile { id: Some(id), name, media_type, chat_id, metadata: Default::default() };
        self.write(owner, new, bytes).await
    }
}

impl FilePart {
    fn file_id(&self) -> Option<Uuid> {
        match self.source {
            Source::File(id) => Some(id),
            Source::Data { .. } => None,
        }
    }

    fn attachment(
        &self,
        known: &HashMap<Uuid, File>,
    ) -> Result<Attachment, (&'static str, String)> {
        match &self.source {
            Source::File(id) => match known.get(id) {
                Some(File { name, media_type, size, .. }) => {
                    let (name, media_type) = (name.clone(), media_type.clone());
                    Ok(Attachment { name, media_type, size: *size })
                }
                None => Err(("", "is not a file of yours".to_owned())),
            },
            Source::Data { media_type, bytes } => {
                let name = self.filename.clone().unwrap_or_default();
                let head = &bytes[..bytes.len().min(kind::HEAD)];
                let media_type = kind::media_type(media_type.as_deref(), &name, head);
                let media_type = media_type.map_err(|found| {
                    let declared = self.declared().unwrap_or_default();
                    ("/mediaType", format!("is said to be {declared} but is {found}"))
                })?;
                Ok(Attachment { name, media_type, size: bytes.len() as u64 })
            }
        }
    }

    fn declared(&self) -> Option<&str> {
        match &self.source {
            Source::Data { media_type, .. } => media_type.as_deref(),
            Source::File(_) => None,
        }
    }
}

/// The part as it is stored. Its address is the one that does not end; it is replaced by a signed
/// one whenever the message is shown.
fn named(file: &File, filename: Option<String>) -> Value {
    json!({
        "type": "file",
        "mediaType": file.media_type,
        "filename": filename.unwrap_or_else(|| file.name.clone()),
        "url": format!("/api/files/{}/content", file.id),
        "file_id": file.id,
    })
}

/// What follows `data:`.
fn data(url: &str, declared: Option<&str>) -> Result<Source, &'static str> {
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
        let read = |url, declared| match data(url, declared) {
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
