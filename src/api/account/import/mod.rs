//! `POST /api/account/import`: ChatGPT's export, read and stored while it arrives, conversation by
//! conversation.

mod chatgpt;
mod elements;
mod groups;
mod report;
mod store;
mod unzip;

use axum::http::StatusCode;
use bytes::Bytes;

use self::elements::{Element, Elements, Malformed};
use self::report::{Reason, Report};
use self::unzip::{Event, Unzip, ZipError};
use super::model::ImportReport;
use super::service::Accounts;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::{Charge, Full, json_cost};

/// The largest file that is read, packed or not, and how much of it is unpacked.
pub(super) const MAX_BYTES: u64 = 4 << 30;
const MAX_UNPACKED: u64 = 4 << 30;
/// The largest conversation.
const MAX_CONVERSATION: usize = 16 << 20;
const MAX_CONVERSATIONS: u64 = 50_000;
/// How an archive begins.
const ARCHIVE: &[u8] = b"PK";

/// An import that is under way.
pub(super) struct Import<'a> {
    accounts: &'a Accounts,
    user: &'a CurrentUser,
    charge: Charge,
    source: Source,
    bytes: u64,
    /// Whether there were conversations, or a list without any.
    has_list: bool,
    report: Report,
}

/// What is imported from.
enum Source {
    /// Too little of it has arrived to tell.
    Unknown(Vec<u8>),
    Json(Elements),
    Archive(Box<Archive>),
}

struct Archive {
    unzip: Unzip,
    /// The list that is being read.
    list: Option<Elements>,
    is_whole: bool,
}

impl<'a> Import<'a> {
    pub(super) fn new(accounts: &'a Accounts, user: &'a CurrentUser, charge: Charge) -> Self {
        let (source, report) = (Source::Unknown(Vec::new()), Report::default());
        Self { accounts, user, charge, source, bytes: 0, has_list: false, report }
    }

    /// Imports what is whole of what has arrived.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(too_large());
        }
        if let Source::Unknown(start) = &mut self.source {
            start.extend_from_slice(bytes);
            if start.len() < ARCHIVE.len() {
                return Ok(());
            }
            let start = std::mem::take(start);
            self.source = if start.starts_with(ARCHIVE) {
                let unzip = Unzip::new(MAX_UNPACKED);
                Source::Archive(Box::new(Archive { unzip, list: None, is_whole: false }))
            } else {
                Source::Json(self.list())
            };
            return self.read(&start).await;
        }
        self.read(bytes).await
    }

    /// The report, if everything has arrived.
    pub(super) fn finish(self) -> Result<ImportReport, ApiError> {
        match &self.source {
            Source::Unknown(_) => return Err(invalid("is empty")),
            Source::Json(list) => list.finish().map_err(|error| malformed(&error))?,
            Source::Archive(archive) if !archive.is_whole => {
                return Err(invalid("is an archive that was cut off"));
            }
            Source::Archive(_) if !self.has_list => {
                return Err(invalid("is an archive without a conversations.json"));
            }
            Source::Archive(_) => {}
        }
        Ok(self.report.finish())
    }

    fn list(&mut self) -> Elements {
        self.has_list = true;
        Elements::new(MAX_CONVERSATION, self.charge.sibling())
    }

    async fn read(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        // What is read leaves its place while conversations are stored.
        match std::mem::replace(&mut self.source, Source::Unknown(Vec::new())) {
            Source::Json(mut list) => {
                self.conversations(&mut list, bytes).await?;
                self.source = Source::Json(list);
            }
            Source::Archive(mut archive) => {
                self.unpack(&mut archive, bytes).await?;
                self.source = Source::Archive(archive);
            }
            unknown @ Source::Unknown(_) => self.source = unknown,
        }
        Ok(())
    }

    async fn unpack(&mut self, archive: &mut Archive, bytes: &[u8]) -> Result<(), ApiError> {
        archive.unzip.push(bytes);
        let mut content = Vec::new();
        loop {
            match archive.unzip.next(is_list, &mut content).map_err(unreadable)? {
                Event::Entry(name) if is_list(&name) => archive.list = Some(self.list()),
                Event::Entry(name) => {
                    archive.list = None;
                    if !name.ends_with('/') {
                        self.report.leave_file_out();
                    }
                }
                Event::Content => {
                    if let Some(list) = &mut archive.list {
                        self.conversations(list, &content).await?;
                    }
                }
                Event::EntryEnd => {
                    if let Some(list) = archive.list.take() {
                        list.finish().map_err(|error| malformed(&error))?;
                    }
                }
                Event::NeedsInput => return Ok(()),
                Event::End => {
                    archive.is_whole = true;
                    return Ok(());
                }
            }
        }
    }

    async fn conversations(
        &mut self,
        list: &mut Elements,
        mut bytes: &[u8],
    ) -> Result<(), ApiError> {
        while let Some(element) = list.next(&mut bytes).map_err(|error| malformed(&error))? {
            if self.report.conversations() >= MAX_CONVERSATIONS {
                return Err(too_large());
            }
            match element {
                Element::Whole(text) => self.conversation(&text).await?,
                Element::TooLarge => self.report.leave_out(Reason::TooLarge),
                Element::TooDeep => self.report.leave_out(Reason::TooDeep),
            }
        }
        Ok(())
    }

    async fn conversation(&mut self, text: &Bytes) -> Result<(), ApiError> {
        let mut parsed = self.charge.sibling();
        match parsed.grow(json_cost(text)) {
            Err(Full::Never) => {
                self.report.leave_out(Reason::TooLarge);
                return Ok(());
            }
            charged => charged?,
        }
        match chatgpt::read(self.user.id, text, self.accounts.clock.now()) {
            Ok(imported) => {
                store::store(self.accounts, self.user, imported, &mut self.report).await
            }
            Err(reason) => {
                self.report.leave_out(Reason::Unusable(reason));
                Ok(())
            }
        }
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
