//! What has become of an import.

use std::collections::BTreeMap;

use super::chatgpt::{LeftOut, Unusable};
use crate::api::account::model::{ImportReport, LeftOutContent, LeftOutConversation};

/// How many conversations are named that were left out.
const MAX_NAMED: usize = 100;

/// A report in the making.
#[derive(Default)]
pub(super) struct Report {
    pub(super) chats_imported: u64,
    pub(super) chats_known: u64,
    pub(super) messages_imported: u64,
    pub(super) messages_known: u64,
    conversations: Vec<LeftOutConversation>,
    conversations_left_out: u64,
    content: BTreeMap<&'static str, u64>,
}

impl Report {
    /// How many conversations there were so far.
    pub(super) fn conversations(&self) -> u64 {
        self.chats_imported + self.chats_known + self.conversations_left_out
    }

    /// A conversation that is not imported.
    pub(super) fn leave_out(&mut self, reason: Reason) {
        self.conversations_left_out += 1;
        if self.conversations.len() < MAX_NAMED {
            self.conversations.push(LeftOutConversation {
                number: self.conversations(),
                reason: reason.code(),
                detail: reason.detail(),
            });
        }
    }

    /// What was left out of a conversation.
    pub(super) fn add(&mut self, left_out: LeftOut) {
        for (what, count) in left_out {
            self.count(what, count);
        }
    }

    /// A file of the archive that is not imported.
    pub(super) fn leave_file_out(&mut self) {
        self.count("files", 1);
    }

    fn count(&mut self, what: &'static str, count: u64) {
        *self.content.entry(what).or_default() += count;
    }

    pub(super) fn finish(self) -> ImportReport {
        let content = self.content.into_iter();
        ImportReport {
            chats_imported: self.chats_imported,
            chats_known: self.chats_known,
            messages_imported: self.messages_imported,
            messages_known: self.messages_known,
            conversations_left_out: self.conversations_left_out,
            left_out_conversations: self.conversations,
            left_out: content
                .map(|(what, count)| LeftOutContent { what, count, detail: detail(what) })
                .collect(),
        }
    }
}

/// Why a conversation is left out.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    TooLarge,
    TooDeep,
    Unusable(Unusable),
}

impl Reason {
    fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::Unusable(Unusable::Unreadable) => "unreadable",
            Self::Unusable(Unusable::TooManyMessages) => "too_many_messages",
            Self::Unusable(Unusable::Empty) => "empty",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::TooLarge => "It is larger than this server reads at once.",
            Self::TooDeep => "It is nested deeper than 64 levels.",
            Self::Unusable(Unusable::Unreadable) => "It is not what ChatGPT exports.",
            Self::Unusable(Unusable::TooManyMessages) => "It has more than 20,000 messages.",
            Self::Unusable(Unusable::Empty) => "It has no message with text.",
        }
    }
}

fn detail(what: &str) -> &'static str {
    match what {
        "attachments" => "Pictures and files in messages are not imported.",
        "files" => "Of an archive only the conversations are imported.",
        "hidden_messages" => "Messages that ChatGPT does not show are not imported.",
        "reasoning" => "What the model thought before it answered is not imported.",
        "tool_messages" => "Calls of tools and their results are not imported.",
        "unconnected" => "These messages belong to no path of their conversation.",
        _ => "Messages of this kind are not imported.",
    }
}
