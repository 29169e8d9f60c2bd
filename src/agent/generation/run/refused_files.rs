//! Excludes files that a provider could not read from later requests.

use uuid::Uuid;

use super::Run;
use crate::agent::generation::recorder::Started;
use crate::agent::message::history::HistoryMessage;
use crate::providers::{ChosenModel, Content};

/// Whose files are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DroppedFiles {
    /// Those of an earlier message: the conversation can be sent without them.
    Earlier,
    /// The question's own: its sender has to know.
    OfTheQuestion,
}

impl Run {
    /// Leaves the files of the newest message that has any to their names, here and later: those before
    /// them were accepted when they were the newest. `None` if there are none.
    pub(super) async fn drop_files(
        &mut self,
        started: &mut Started,
        model: &ChosenModel,
    ) -> Option<DroppedFiles> {
        let (index, files) = take_files(&mut started.history)?;
        self.refuse_files(model, &files).await;
        let is_earlier = index + 1 < started.history.len();
        Some(if is_earlier { DroppedFiles::Earlier } else { DroppedFiles::OfTheQuestion })
    }

    /// Leaves these files to their names in later requests to this provider.
    pub(super) async fn refuse_files(&mut self, model: &ChosenModel, files: &[Uuid]) {
        let (recorder, credentials) = (&self.job.recorder, &self.job.credentials);
        recorder.refuse_files(credentials, model.provider(), files).await;
    }
}

/// Leaves the files of the newest message before the question to their names, here only: a provider that does not
/// say what it refuses may mean them. `None` if there are none.
pub(super) fn suspect_files(started: &mut Started) -> Option<Vec<Uuid>> {
    let (_, earlier) = started.history.split_last_mut()?;
    Some(take_files(earlier)?.1)
}

/// Takes the files of the newest of these messages that has any.
fn take_files(messages: &mut [HistoryMessage]) -> Option<(usize, Vec<Uuid>)> {
    let history = messages.iter_mut().enumerate();
    let newest = history.rev().find(|(_, message)| message.files.values().any(is_sent));
    let (index, message) = newest?;
    let files = message.files.extract_if(|_, content| is_sent(content)).map(|(id, _)| id);
    Some((index, files.collect()))
}

/// Others are only named.
fn is_sent(content: &Content) -> bool {
    matches!(content, Content::Image { .. } | Content::Document { .. })
}
