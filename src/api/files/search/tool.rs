//! The agent's tool `search_files`.

use std::collections::HashSet;

use uuid::Uuid;

use super::model::{FileSearchQuery, FoundPassages, PassageOfFile, UnreadFile};
use super::service::FileSearch;
use crate::agent::tools::prelude::*;
use crate::api::files::service::Owner;

/// How many passages a model gets to read where it does not say, and at most.
const DEFAULT_READ: u64 = 8;
const MAX_READ: u64 = 20;
/// How many files that cannot be read it is told of.
const MAX_NAMED: usize = 5;

/// Finds passages in the files of the person that the model answers.
pub struct SearchFilesTool {
    search: FileSearch,
}

/// What the model sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// What to look for: words that the passage is likely to have, or a question
    query: String,
    /// How many passages, up to 20; 8 if left out
    limit: Option<u64>,
    /// Search only this file
    file_id: Option<Uuid>,
}

impl SearchFilesTool {
    /// The tool over the service of `/api/files/search`.
    pub fn new(search: FileSearch) -> Self {
        Self { search }
    }
}

impl Tool for SearchFilesTool {
    type Arguments = Arguments;
    const NAME: &'static str = "search_files";
    const DESCRIPTION: &'static str = "Finds passages in the text of the person's files (text, Markdown, \
        tables, PDF, Word), best first, by the words of `query`: any of them in all its forms; it does not \
        know synonyms, so try other words if nothing fits. Each passage comes with the file's name and its \
        page or lines: name them in your answer, such as (report.pdf, page 3).";

    async fn run(&self, arguments: Arguments, context: &ToolContext) -> ToolResult {
        let query = FileSearchQuery {
            q: arguments.query,
            limit: Some(arguments.limit.unwrap_or(DEFAULT_READ).clamp(1, MAX_READ)),
            chat_id: None,
            file_id: arguments.file_id,
        };
        let found = self.search.search(&Owner::from(&*context.credentials), query).await;
        found.map(|found| to_json(&found)).map_err(|error| error.detail().to_owned())
    }

    /// What the answer is based on, once each.
    fn parts(&self, output: &Value) -> Vec<Value> {
        let mut seen = HashSet::new();
        let passages = output["passages"].as_array().into_iter().flatten();
        let sources = passages.filter_map(source);
        sources.filter(|source| seen.insert(source["sourceId"].to_string())).collect()
    }
}

/// The passages as the model reads them.
fn to_json(found: &FoundPassages) -> Value {
    let passages = (1..).zip(&found.passages).map(|(number, passage)| {
        let PassageOfFile { file_id, name, media_type, title, page, first_line, last_line, .. } =
            passage;
        let mut read = json!({ "number": number, "source": title, "file_id": file_id, "name": name,
            "media_type": media_type });
        for (key, value) in [("page", page), ("first_line", first_line), ("last_line", last_line)] {
            if let Some(value) = value {
                read[key] = json!(value);
            }
        }
        read["text"] = json!(passage.content);
        read
    });
    let mut read = json!({ "passages": passages.collect::<Vec<_>>() });
    let notes = notes(&found.unread_files);
    if !notes.is_empty() {
        read["note"] = json!(notes.join(" "));
    }
    read
}

/// What was not searched.
fn notes(unread: &[UnreadFile]) -> Vec<String> {
    let mut notes = Vec::new();
    match unread.iter().filter(|file| file.reason.is_none()).count() {
        0 => {}
        1 => notes.push("One file is still being read: search again in a moment.".to_owned()),
        count => {
            notes.push(format!("{count} files are still being read: search again in a moment."));
        }
    }
    let reasons = unread.iter().filter_map(|file| Some((&file.name, file.reason.as_ref()?)));
    notes.extend(reasons.take(MAX_NAMED).map(|(name, reason)| format!("{name} {reason}.")));
    notes
}

/// The part of the message that names where a passage is.
fn source(passage: &Value) -> Option<Value> {
    let text = |name: &str| passage[name].as_str();
    let (file_id, title) = (text("file_id")?, text("source")?);
    let number = |name: &str| passage[name].as_u64();
    let place = match (number("page"), number("first_line"), number("last_line")) {
        (Some(page), ..) => json!({ "fileId": file_id, "page": page }),
        (None, Some(first), Some(last)) => {
            json!({ "fileId": file_id, "firstLine": first, "lastLine": last })
        }
        _ => json!({ "fileId": file_id }),
    };
    let within = title.strip_prefix(text("name")?).unwrap_or_default();
    let within: String = within.chars().filter(|c| c.is_alphanumeric() || *c == '–').collect();
    Some(json!({
        "type": "source-document",
        "sourceId": format!("{file_id}#{within}"),
        "mediaType": text("media_type")?,
        "title": title,
        "filename": text("name")?,
        "providerMetadata": { "chat-backend": place },
    }))
}
