//! ChatGPT's export, read while it arrives: the next conversation as soon as it is whole. Pure.

use std::collections::HashSet;

use axum::http::StatusCode;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::chatgpt::{self, ChatRow, Imported, LeftOut, Unusable};
use super::elements::{Element, Elements, Malformed};
use super::groups::groups;
use super::report::{Reason, Report};
use super::unzip::{Event, Unzip, ZipError};
use crate::api::account::model::ImportReport;
use crate::http::error::ApiError;
use crate::memory::{Charge, Full, json_cost};

/// The largest file that is read, packed or not, and how much of it is unpacked.
const MAX_BYTES: u64 = 4 << 30;
const MAX_UNPACKED: u64 = 4 << 30;
/// The largest conversation.
const MAX_CONVERSATION: usize = 16 << 20;
const MAX_CONVERSATIONS: u64 = 50_000;
/// How an archive begins.
const ARCHIVE: &[u8] = b"PK";
/// What unpacking takes, beside what has arrived.
const UNPACKING: usize = 128 << 10;
/// How many pieces are unpacked, or conversations left out, before others take their turn.
const PIECES: usize = 32;

/// Reads an export.
pub(super) struct Reader {
    user_id: Uuid,
    now: Timestamp,
    charge: Charge,
    /// The largest piece that has arrived, which is charged.
    largest: usize,
    source: Source,
    /// The list of conversations that is being read.
    list: Option<Elements>,
    /// A piece of its text, read up to `at`.
    text: Vec<u8>,
    at: usize,
    bytes: u64,
    /// Whether there were conversations, or a list without any.
    has_list: bool,
    report: Report,
}

/// What is imported from.
enum Source {
    /// Too little of it has arrived to tell.
    Unknown,
    Json,
    Archive {
        unzip: Box<Unzip>,
        is_whole: bool,
    },
}

/// How far it came.
pub(super) enum Step {
    /// A conversation is to be stored.
    Conversation(Box<Conversation>),
    /// There is more to do; it is somebody else's turn.
    Pause,
    /// More has to arrive.
    NeedsInput,
}

/// A conversation, ready to be stored.
pub(super) struct Conversation {
    pub(super) chat: ChatRow,
    /// Its messages in groups that fit a request.
    pub(super) messages: Vec<Vec<Box<RawValue>>>,
    /// The ids of those that are shown.
    pub(super) path: HashSet<Uuid>,
    pub(super) left_out: LeftOut,
    _charge: Charge,
}

impl Reader {
    /// A reader of a user's export.
    pub(super) fn new(user_id: Uuid, now: Timestamp, mut charge: Charge) -> Result<Self, ApiError> {
        charge.grow(UNPACKING)?;
        Ok(Self {
            user_id,
            now,
            charge,
            largest: 0,
            source: Source::Unknown,
            list: None,
            text: Vec::new(),
            at: 0,
            bytes: 0,
            has_list: false,
            report: Report::default(),
        })
    }

    /// Adds what has arrived. [`next`](Self::next) is called until it needs more.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(too_large());
        }
        self.charge.grow(bytes.len().saturating_sub(self.largest))?;
        self.largest = self.largest.max(bytes.len());
        if let Source::Archive { unzip, .. } = &mut self.source {
            unzip.push(bytes);
            return Ok(());
        }
        self.text.drain(..std::mem::take(&mut self.at));
        self.text.extend_from_slice(bytes);
        if matches!(self.source, Source::Unknown) && self.text.len() >= ARCHIVE.len() {
            self.begin();
        }
        Ok(())
    }

    fn begin(&mut self) {
        if self.text.starts_with(ARCHIVE) {
            let mut unzip = Box::new(Unzip::new(MAX_UNPACKED));
            unzip.push(&std::mem::take(&mut self.text));
            self.source = Source::Archive { unzip, is_whole: false };
        } else {
            self.source = Source::Json;
            self.begin_list();
        }
    }

    fn begin_list(&mut self) {
        self.has_list = true;
        self.list = Some(Elements::new(MAX_CONVERSATION, self.charge.sibling()));
    }

    /// Reads on, for some milliseconds at most.
    pub(super) fn next(&mut self) -> Result<Step, ApiError> {
        for _ in 0..PIECES {
            match self.element()? {
                Some(element) => {
                    if let Some(conversation) = self.conversation(element)? {
                        return Ok(Step::Conversation(Box::new(conversation)));
                    }
                }
                None if self.unpack()? => {}
                None => return Ok(Step::NeedsInput),
            }
        }
        Ok(Step::Pause)
    }

    /// What has become of it so far.
    pub(super) fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    /// The report, if everything has arrived.
    pub(super) fn finish(self) -> Result<ImportReport, ApiError> {
        match (&self.source, &self.list) {
            (Source::Unknown, _) => return Err(invalid("is empty")),
            (Source::Json, Some(list)) => list.finish().map_err(|error| malformed(&error))?,
            (Source::Archive { is_whole: false, .. }, _) => {
                return Err(invalid("is an archive that was cut off"));
            }
            _ if !self.has_list => {
                return Err(invalid("is an archive without a conversations.json"));
            }
            _ => {}
        }
        Ok(self.report.finish())
    }

    /// The next element of the list whose end is in the text.
    fn element(&mut self) -> Result<Option<Element>, ApiError> {
        let Some(list) = &mut self.list else { return Ok(None) };
        let mut rest = &self.text[self.at..];
        let element = list.next(&mut rest).map_err(|error| malformed(&error))?;
        self.at = self.text.len() - rest.len();
        Ok(element)
    }

    /// Unpacks more of an archive; whether there was more.
    fn unpack(&mut self) -> Result<bool, ApiError> {
        let Source::Archive { unzip, is_whole } = &mut self.source else { return Ok(false) };
        let event = unzip.next(is_list, &mut self.text).map_err(unreadable)?;
        self.at = 0;
        match event {
            Event::Entry(name) if is_list(&name) => self.begin_list(),
            Event::Entry(name) => {
                if !name.ends_with('/') {
                    self.report.leave_file_out();
                }
            }
            Event::Content => {}
            Event::EntryEnd => {
                if let Some(list) = self.list.take() {
                    list.finish().map_err(|error| malformed(&error))?;
                }
            }
            Event::NeedsInput => return Ok(false),
            Event::End => {
                *is_whole = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is to be stored of an element; nothing if it is left out.
    fn conversation(&mut self, element: Element) -> Result<Option<Conversation>, ApiError> {
        if self.report.conversations() >= MAX_CONVERSATIONS {
            return Err(too_large());
        }
        let reason = match element {
            Element::Whole(text) => match self.parsed(&text)? {
                Ok(conversation) => return Ok(Some(conversation)),
                Err(reason) => reason,
            },
            Element::TooLarge => Reason::TooLarge,
            Element::TooDeep => Reason::TooDeep,
        };
        self.report.leave_out(reason);
        Ok(None)
    }

    fn parsed(&self, text: &Bytes) -> Result<Result<Conversation, Reason>, ApiError> {
        let mut charge = self.charge.sibling();
        match charge.grow(json_cost(text)) {
            Err(Full::Never) => return Ok(Err(Reason::TooLarge)),
            charged => charged?,
        }
        let imported = match chatgpt::read(self.user_id, text, self.now) {
            Ok(imported) => imported,
            Err(reason) => return Ok(Err(Reason::Unusable(reason))),
        };
        let Imported { chat, messages, left_out } = imported;
        let path = messages.iter().filter(|row| row.is_active).map(|row| row.id).collect();
        let messages = groups(messages).map_err(|_| Reason::Unusable(Unusable::Unreadable));
        Ok(messages.map(|messages| Conversation {
            chat,
            messages,
            path,
            left_out,
            _charge: charge,
        }))
    }
}

/// Large exports have several.
fn is_list(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default();
    let number = name.strip_prefix("conversations").and_then(|name| name.strip_suffix(".json"));
    number.is_some_and(|n| {
        n.is_empty() || n.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit())
    })
}

fn unreadable(error: ZipError) -> ApiError {
    match error {
        ZipError::TooLarge => too_large(),
        error => invalid(&error.to_string()),
    }
}

fn malformed(error: &Malformed) -> ApiError {
    match error {
        Malformed::NotAList => invalid(
            "is not ChatGPT's export: send conversations.json, or the archive that it comes in",
        ),
        Malformed::CutOff => invalid("ends before its list of conversations does"),
        Malformed::Full(full) => (*full).into(),
    }
}

fn invalid(detail: &str) -> ApiError {
    ApiError::invalid("/file", detail)
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "import_too_large",
        "The export is larger than this server imports at once: 4 GiB, or 50,000 conversations. What came \
         before that was imported.",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use jiff::Timestamp;
    use uuid::Uuid;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::{Reader, Step};
    use crate::memory::{Holder, Memory};

    const MIB: usize = 1 << 20;

    /// An archive whose entries unpack to much more than it has.
    fn bomb(entry: &str, mib: usize) -> Vec<u8> {
        let mut zip = ZipWriter::new_stream(Vec::new());
        for (name, spaces) in [(entry, mib), ("conversations.json", 0)] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(b"[").unwrap();
            (0..spaces).for_each(|_| zip.write_all(&[b' '; MIB]).unwrap());
            zip.write_all(b"]").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// However little arrives at once, and whether it is wanted or not.
    #[test]
    fn a_step_unpacks_a_mebibyte_at_most() {
        for entry in ["conversations-1.json", "picture.png"] {
            let charge = Memory::new(MIB).charge(Holder::User(Uuid::nil()));
            let mut reader = Reader::new(Uuid::nil(), Timestamp::UNIX_EPOCH, charge).unwrap();
            reader.push(&bomb(entry, 8)).unwrap();
            let mut pauses = 0;
            while !matches!(reader.next().unwrap(), Step::NeedsInput) {
                pauses += 1;
            }
            assert!(pauses >= 8, "{entry}: {pauses}");
            assert!(reader.finish().is_ok(), "{entry}");
        }
    }
}
