//! Loads stored files for a model.

use std::collections::HashMap;

use uuid::Uuid;

use super::budget::{Budget, Given, Kind, Means, RUN_SCRIPT};
use super::content::{content, found_text, named, without_text};
use super::cost;
use crate::agent::{HistoryMessage, Part};
use crate::api::files::model::File;
use crate::api::files::text::FileTexts;
use crate::api::files::{Attachment, Files, Owner};
use crate::memory::Held;
use crate::providers::{ChosenModel, Content};

/// Files of a history that are looked for: some may be gone.
const MAX_LOOKED_UP: usize = 100;

/// Loads stored files for a model.
pub(in crate::api::ai) struct FileLoader<'a> {
    pub(in crate::api::ai) files: &'a Files,
    pub(in crate::api::ai) texts: &'a FileTexts,
    pub(in crate::api::ai) owner: Owner,
    pub(in crate::api::ai) model: &'a ChosenModel,
    /// Whose memory they take.
    pub(in crate::api::ai) held: &'a Held,
}

impl FileLoader<'_> {
    /// Loads the files of a history into it, newest first, as far as the model accepts them. Of the others,
    /// and of deleted ones, the model reads only the name.
    pub(in crate::api::ai) async fn load_history(
        &self,
        history: &mut [HistoryMessage],
        tools: &[String],
    ) {
        let newest = history.iter().rev().flat_map(|message| message.parts.iter());
        let ids: Vec<Uuid> = newest.filter_map(file_id).take(MAX_LOOKED_UP).collect();
        let known = self.known(&ids).await;
        if known.is_empty() {
            return;
        }
        let offers_scripts = tools.iter().any(|name| name == RUN_SCRIPT);
        let means = self.means(&known, offers_scripts).await;
        let mut budget = Budget::new(self.model, &means);
        for message in history.iter_mut().rev() {
            let mut loaded = HashMap::new();
            for id in message.parts.iter().filter_map(file_id) {
                let Some(file) = known.get(&id) else { continue };
                let given = budget.give(&Attachment::from(file));
                let content = match given {
                    Ok(given) => self.load(&budget, file, given).await,
                    Err(_) => None,
                };
                loaded.extend(content.map(|content| (id, content)));
            }
            message.files = loaded;
        }
    }

    /// The pictures among these files that the model can see.
    pub(in crate::api::ai) async fn load_pictures(&self, ids: &[Uuid]) -> HashMap<Uuid, Content> {
        let mut loaded = HashMap::new();
        let known = self.known(ids).await;
        let means = Means::none();
        let mut budget = Budget::new(self.model, &means);
        for file in ids.iter().filter_map(|id| known.get(id)) {
            let attachment = Attachment::from(file);
            let is_picture = Kind::from_media_type(&file.media_type) == Kind::Picture;
            if is_picture && budget.give(&attachment) == Ok(Given::Content) {
                let content = self.load(&budget, file, Given::Content).await;
                loaded.extend(content.map(|content| (file.id, content)));
            }
        }
        loaded
    }

    async fn means(&self, known: &HashMap<Uuid, File>, offers_scripts: bool) -> Means {
        let attachments: Vec<_> = known.values().map(Attachment::from).collect();
        let attachments: Vec<_> = attachments.iter().collect();
        Means::new(self.texts, self.model, &attachments, offers_scripts).await
    }

    async fn known(&self, ids: &[Uuid]) -> HashMap<Uuid, File> {
        match self.files.get_many(&self.owner, ids).await {
            Ok(known) => known.into_iter().map(|file| (file.id, file)).collect(),
            Err(error) => {
                tracing::warn!("the files of a chat could not be loaded: {error:?}");
                HashMap::new()
            }
        }
    }

    async fn load(&self, budget: &Budget<'_>, file: &File, given: Given) -> Option<Content> {
        match given {
            Given::Name => Some(named(file)),
            Given::Content => self.load_content(budget, file).await,
            Given::Text => self.load_text(budget, file).await,
        }
    }

    async fn load_content(&self, budget: &Budget<'_>, file: &File) -> Option<Content> {
        let (id, attachment) = (file.id, Attachment::from(file));
        let visible = budget.visible_bytes(&attachment);
        if let Err(full) = self.held.grow(cost(visible)) {
            tracing::warn!("file {id} is not loaded: {full}");
            return None;
        }
        match self.files.read_part(&self.owner, id, 0, visible as u64).await {
            Ok(bytes) => match budget.content_refusal(&attachment, &bytes) {
                None => Some(content(attachment, &bytes)),
                Some(problem) => {
                    tracing::info!("file {id} {problem}: it is only named");
                    None
                }
            },
            Err(error) => {
                tracing::warn!("file {id} could not be loaded: {error:?}");
                None
            }
        }
    }

    async fn load_text(&self, budget: &Budget<'_>, file: &File) -> Option<Content> {
        let max_text = budget.max_text();
        if let Err(full) = self.held.grow(cost(max_text)) {
            tracing::warn!("the text of file {} is not loaded: {full}", file.id);
            return None;
        }
        Some(match self.texts.read(&self.owner, file).await {
            Ok(text) => found_text(file.into(), &text, max_text),
            // A script may still find something in it.
            Err(_) if budget.offers_scripts() => named(file),
            Err(no_text) => without_text(&file.name, &no_text.reason),
        })
    }
}

fn file_id(part: &Part) -> Option<Uuid> {
    match part {
        Part::Other(value) if value["type"] == "file" => value["file_id"].as_str()?.parse().ok(),
        _ => None,
    }
}
