//! `POST /api/account/import`: ChatGPT's export, read and stored while it arrives, conversation by
//! conversation.

mod chatgpt;
mod elements;
mod groups;
mod reader;
mod report;
mod shown;
mod store;
mod unzip;

use bytes::Bytes;

use self::reader::{Reader, Step};
use super::model::ImportReport;
use super::service::Accounts;
use crate::compute::compute;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::Charge;

/// An import that is under way.
pub(super) struct Import<'a> {
    accounts: &'a Accounts,
    user: &'a CurrentUser,
    reader: Reader,
}

impl<'a> Import<'a> {
    pub(super) fn new(
        accounts: &'a Accounts,
        user: &'a CurrentUser,
        charge: Charge,
    ) -> Result<Self, ApiError> {
        let reader = Reader::new(user.id, accounts.clock.now(), charge)?;
        Ok(Self { accounts, user, reader })
    }

    /// Imports what is whole of what has arrived.
    pub(super) async fn push(self, bytes: Bytes) -> Result<Self, ApiError> {
        let Self { accounts, user, mut reader } = self;
        reader.push(&bytes)?;
        loop {
            let step;
            (reader, step) = compute(move || {
                let step = reader.next();
                (reader, step)
            })
            .await;
            match step? {
                Step::Conversation(conversation) => {
                    store::store(accounts, user, *conversation, reader.report()).await?;
                }
                Step::Pause => {}
                Step::NeedsInput => return Ok(Self { accounts, user, reader }),
            }
        }
    }

    /// The report, if everything has arrived.
    pub(super) fn finish(self) -> Result<ImportReport, ApiError> {
        self.reader.finish()
    }
}
