//! Why a call has failed, in words for people and models.

use rmcp::model::{ErrorCode, ErrorData};

use super::Server;
use super::bounded_client::Failure;
use super::connection::CallError;
use super::content::CANNOT_ASK;
use super::credential::Credential;
use crate::agent::tools::source::{Outcome, SourceError};

/// The most of a server's own words that is repeated, in characters.
const MAX_WORDS: usize = 500;
/// A server's error for a tool that would have asked the person something.
const MISSING_CAPABILITY: ErrorCode = ErrorCode(-32021);

impl Server {
    /// What has become of a call without a result.
    pub(super) fn words(&self, error: &CallError, credential: &Credential) -> Outcome {
        let sentence = match error {
            CallError::Rpc(error) if error.code == MISSING_CAPABILITY => {
                return Outcome::Refused(CANNOT_ASK.into());
            }
            error => self.sentence(error),
        };
        let sentence = match credential.worth_hiding() {
            Some(secret) => sentence.replace(secret, "•••"),
            None => sentence,
        };
        Outcome::Failed { sentence, may_have_happened: may_have_happened(error) }
    }

    /// Why the server offers nothing.
    pub(super) fn unavailable(&self, error: &CallError) -> SourceError {
        SourceError(self.sentence(error))
    }

    fn sentence(&self, error: &CallError) -> String {
        let label = &self.entry.name;
        match error {
            CallError::Rpc(error) => format!("{label} refused: {}", words_of(error)),
            CallError::NotSignedIn(sentence) => sentence.clone(),
            CallError::Timeout => format!("{label} took too long to answer."),
            CallError::Closed => format!("{label} closed the connection."),
            CallError::Failed(failure) => match failure {
                Failure::NotSent => format!("{label} cannot be reached."),
                Failure::Unauthorized(_) => format!("{label} does not accept the sign-in."),
                Failure::Forbidden(_) => format!("{label} does not allow this."),
                Failure::Status(status) => format!("{label} refused with HTTP status {status}."),
                Failure::SessionLost => format!("{label} does not accept this server's session."),
                Failure::TooLarge => format!("{label} answered with too much."),
                Failure::TooMany => {
                    format!(
                        "Too many people use tools of other servers at the moment, {label} too."
                    )
                }
                Failure::Unreadable => format!("{label} answered with something unreadable."),
                Failure::Broken => {
                    format!("{label} broke the connection before its answer was complete.")
                }
            },
        }
    }
}

fn words_of(error: &ErrorData) -> String {
    let shown = error.message.chars().filter(|c| !c.is_control()).take(MAX_WORDS);
    let words: String = shown.collect();
    if words.is_empty() { format!("error {}", error.code.0) } else { words }
}

/// Whether a call without a result may have done something.
fn may_have_happened(error: &CallError) -> bool {
    match error {
        // Not understood, so not run. Anything else may have come up while it ran.
        CallError::Rpc(error) => {
            !matches!(error.code.0, -32700 | -32602..=-32600 | -32022..=-32020)
        }
        CallError::Closed | CallError::NotSignedIn(_) => false,
        CallError::Timeout => true,
        CallError::Failed(failure) => match failure {
            Failure::NotSent
            | Failure::Unauthorized(_)
            | Failure::Forbidden(_)
            | Failure::SessionLost
            | Failure::TooMany => false,
            Failure::Status(status) => *status >= 500 || matches!(status, 408 | 409),
            Failure::TooLarge | Failure::Unreadable | Failure::Broken => true,
        },
    }
}
