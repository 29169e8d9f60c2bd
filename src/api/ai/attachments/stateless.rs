//! Files of conversations that are not stored.

use serde_json::{Value, json};
use uuid::Uuid;

use super::budget::{Budget, Given, Means};
use super::content::{content, found_text};
use super::{check, cost};
use crate::agent::Part;
use crate::api::ai::Ai;
use crate::api::ai::stateless::StatelessRequest;
use crate::api::files::{AttachedContent, Attachment, FilePart, Owner};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::Held;
use crate::providers::Content;

/// Reads the files of a conversation that is not stored; 422 for what its model cannot take.
pub(in crate::api::ai) async fn read(
    ai: &Ai,
    user: &CurrentUser,
    request: &mut StatelessRequest,
) -> Result<(), ApiError> {
    let StatelessRequest { history, model, held, .. } = request;
    let Ok(model) = ai.providers.choose(model.as_deref()) else { return Ok(()) };
    let reader = StatelessReader { ai, user, held };
    let mut found = Vec::new();
    for (index, message) in history.iter().enumerate() {
        let parts: Vec<Value> = message.parts.iter().map(other).collect();
        let pointer = format!("/messages/{index}/content");
        found.push(ai.files.find_attachments(&Owner::from(user), &parts, &pointer).await?);
    }
    let attachments: Vec<_> = found.iter().flatten().map(|part| &part.attachment).collect();
    let means = Means::new(&ai.texts, &model, &attachments, false).await;
    let mut budget = Budget::new(&model, &means);
    for ((index, message), found) in history.iter_mut().enumerate().zip(found) {
        let pointer = format!("/messages/{index}/content");
        let given = check(&mut budget, &found, &pointer)?;
        for (part, given) in found.into_iter().zip(given) {
            let index = part.index;
            let content = reader
                .read(&budget, part, given)
                .await?
                .map_err(|problem| ApiError::invalid(format!("{pointer}/{index}"), problem))?;
            // The name by which the prompt finds the content.
            let id = Uuid::now_v7();
            message.parts[index] = Part::Other(json!({ "type": "file", "file_id": id }));
            message.files.insert(id, content);
        }
    }
    Ok(())
}

/// Reads the files of a conversation that is not stored.
struct StatelessReader<'a> {
    ai: &'a Ai,
    user: &'a CurrentUser,
    held: &'a Held,
}

impl StatelessReader<'_> {
    /// The inner error is what is wrong with the file.
    async fn read(
        &self,
        budget: &Budget<'_>,
        part: FilePart,
        given: Given,
    ) -> Result<Result<Content, String>, ApiError> {
        let FilePart { attachment, content: source, .. } = part;
        if given == Given::Text {
            return self.read_text(budget, attachment, source).await;
        }
        let visible = budget.visible_bytes(&attachment);
        self.held.grow(cost(visible))?;
        let bytes = match source {
            AttachedContent::Inline(bytes) => bytes.slice(..visible),
            AttachedContent::Stored(file) => {
                let owner = Owner::from(self.user);
                self.ai.files.read_part(&owner, file.id, 0, visible as u64).await?
            }
        };
        Ok(match budget.content_refusal(&attachment, &bytes) {
            Some(problem) => Err(problem),
            None => Ok(content(attachment, &bytes)),
        })
    }

    async fn read_text(
        &self,
        budget: &Budget<'_>,
        attachment: Attachment,
        source: AttachedContent,
    ) -> Result<Result<Content, String>, ApiError> {
        self.held.grow(cost(budget.max_text()))?;
        let texts = &self.ai.texts;
        let read = match source {
            AttachedContent::Inline(bytes) => {
                let client = Owner::from(self.user).client();
                texts.read_bytes(client, &attachment.media_type, bytes).await
            }
            AttachedContent::Stored(file) => texts.read(&Owner::from(self.user), &file).await,
        };
        Ok(match read {
            Ok(text) => Ok(found_text(attachment, &text, budget.max_text())),
            Err(no_text) => Err(no_text.reason),
        })
    }
}

fn other(part: &Part) -> Value {
    match part {
        Part::Other(value) => value.clone(),
        _ => Value::Null,
    }
}
