//! Excludes files that a provider could not read from later requests.

use uuid::Uuid;

use super::Run;
use crate::agent::generation::recorder::Started;
use crate::providers::{ChosenModel, Content};

impl Run {
    /// Leaves the files of the newest message that has any to their names, here and later: those before
    /// them were accepted when they were the newest. Whether the conversation can be sent without
    /// them; it cannot when they are the question's own, whose sender has to know.
    pub(super) async fn drop_files(&mut self, started: &mut Started, model: &ChosenModel) -> bool {
        let history = started.history.iter_mut().enumerate();
        let newest = history.rev().find(|(_, message)| message.files.values().any(is_sent));
        let Some((index, message)) = newest else { return false };
        let files: Vec<Uuid> =
            message.files.extract_if(|_, content| is_sent(content)).map(|(id, _)| id).collect();
        let (recorder, credentials) = (&self.job.recorder, &self.job.credentials);
        recorder.refuse_files(credentials, model.provider(), &files).await;
        index + 1 < started.history.len()
    }
}

/// Others are only named.
fn is_sent(content: &Content) -> bool {
    matches!(content, Content::Image { .. } | Content::Document { .. })
}
