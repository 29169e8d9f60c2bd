//! The request and response types of the search.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::files::text::FileTexts;
use crate::database::FoundPassage;
use crate::http::error::ApiError;
use crate::http::validate::Checks;

/// The longest question, in characters.
const MAX_QUESTION: usize = 1_000;
/// How many passages are found where nothing is said, and at most.
pub(super) const DEFAULT_LIMIT: u64 = 10;
pub(super) const MAX_LIMIT: u64 = 50;
/// How much of a passage names where it is, in characters.
const MAX_BEGINNING: usize = 50;

/// What is searched for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileSearchQuery {
    /// Words or a question. Passages that have any of the words are found; rare words count for more. Of more than
    /// 24 words the longest are searched for.
    #[param(min_length = 1, max_length = 1000, example = "notice period of the lease")]
    pub q: String,
    /// Maximum number of passages. Defaults to 10.
    #[param(minimum = 1, maximum = 50)]
    pub limit: Option<u64>,
    /// Search only files that belong to this chat.
    pub chat_id: Option<Uuid>,
    /// Search only this file.
    pub file_id: Option<Uuid>,
}

impl FileSearchQuery {
    /// Validates every field.
    pub(super) fn checked(self) -> Result<Self, ApiError> {
        let mut checks = Checks::default();
        checks.length("/q", &self.q, 1, MAX_QUESTION);
        checks.range("/limit", self.limit, 1, MAX_LIMIT);
        checks.finish()?;
        Ok(self)
    }
}

/// Passages of files.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPassages {
    /// The passages, best first.
    pub passages: Vec<PassageOfFile>,
    /// Files that were not searched, each with the reason: at most 200 that have not been read yet, and 200 that
    /// found no room.
    pub unread_files: Vec<UnreadFile>,
}

/// A file that was not searched.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreadFile {
    /// ID of the file.
    pub file_id: Uuid,
    /// Name of the file.
    #[schema(example = "lease.pdf")]
    pub name: String,
    /// Why it cannot be searched at the moment, in words that follow its name. Null if it is being read: search
    /// again in a moment.
    #[schema(required = true, example = json!(null))]
    pub reason: Option<String>,
}

/// A passage of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassageOfFile {
    /// ID of the file.
    pub file_id: Uuid,
    /// Name of the file.
    #[schema(example = "lease.pdf")]
    pub name: String,
    /// Media type of the file.
    #[schema(example = "application/pdf")]
    pub media_type: String,
    /// Where the passage is, in words: its page, its lines, or what it begins with.
    #[schema(example = "lease.pdf, page 3")]
    pub title: String,
    /// Page of the passage, if the file has pages.
    #[schema(required = true)]
    pub page: Option<u32>,
    /// First line of the passage, if the file has lines.
    #[schema(required = true)]
    pub first_line: Option<u32>,
    /// Last line of the passage, if the file has lines.
    #[schema(required = true)]
    pub last_line: Option<u32>,
    /// Text of the passage. Headings above it and the header of a table are repeated at its start.
    pub content: String,
    /// How well the passage fits. Scores of different searches cannot be compared.
    pub score: f64,
}

/// What a passage begins with: its heading, or its first words.
fn beginning(content: &str) -> Option<String> {
    let mut words = content
        .lines()
        .find(|line| !line.trim().is_empty())?
        .trim_start_matches('#')
        .split_whitespace();
    let mut beginning = words.next()?.chars().take(MAX_BEGINNING).collect::<String>();
    for word in words {
        if beginning.chars().count() + word.chars().count() >= MAX_BEGINNING {
            beginning.push('…');
            break;
        }
        beginning = format!("{beginning} {word}");
    }
    Some(beginning)
}

impl From<FoundPassage> for PassageOfFile {
    fn from(found: FoundPassage) -> Self {
        let FoundPassage { file_id, name, media_type, page, .. } = found;
        // Nobody sees lines in a document.
        let lines =
            found.first_line.zip(found.last_line).filter(|_| !FileTexts::is_document(&media_type));
        let (first_line, last_line) = lines.unzip();
        let title = match (page, first_line, last_line) {
            (Some(page), ..) => format!("{name}, page {page}"),
            (None, Some(first), Some(last)) if first == last => format!("{name}, line {first}"),
            (None, Some(first), Some(last)) => format!("{name}, lines {first}–{last}"),
            _ => match beginning(&found.content) {
                Some(beginning) => format!("{name}, “{beginning}”"),
                None => name.clone(),
            },
        };
        let (content, score) = (found.content, found.score);
        Self { file_id, name, media_type, title, page, first_line, last_line, content, score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_named_by_what_people_see() {
        let place = |media_type: &str, page: Option<u32>, content: &str| {
            let (first_line, last_line) =
                if page.is_none() { (Some(3), Some(9)) } else { (None, None) };
            let (file_id, name) = (Uuid::nil(), "lease".to_owned());
            let (media_type, content) = (media_type.to_owned(), content.to_owned());
            let found = FoundPassage {
                file_id,
                ordinal: 0,
                name,
                media_type,
                page,
                first_line,
                last_line,
                content,
                score: 1.0,
            };
            let PassageOfFile { title, first_line, .. } = found.into();
            (title, first_line)
        };
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(place("text/plain", None, "A"), ("lease, lines 3–9".to_owned(), Some(3)));
        assert_eq!(place("application/pdf", Some(2), "A"), ("lease, page 2".to_owned(), None));
        let headed = place(word, None, "Lease > Notice\nThe period is long.");
        assert_eq!(headed, ("lease, “Lease > Notice”".to_owned(), None));
        let long = format!("## {}", "word ".repeat(30));
        assert_eq!(place(word, None, &long).0, format!("lease, “{}…”", ["word"; 10].join(" ")));
        assert_eq!(place(word, None, "").0, "lease");
    }
}
