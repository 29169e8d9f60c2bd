//! Why a request of a tool has no response.

use std::error::Error;

use thiserror::Error as ThisError;

use crate::memory::ReadError;

/// Why a request of a tool has no response. The sentences hold no secrets and no paths.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum EgressError {
    /// The address must not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No connection.
    #[error("{0} cannot be reached.")]
    Unreachable(String),
    /// Too many requests are under way.
    #[error("Too many requests of tools are under way; try again in a moment.")]
    Busy,
    /// No memory for the response.
    #[error("The server has no memory for the response at the moment; try again in a moment.")]
    NoMemory,
    /// The time is over.
    #[error("{0} did not answer in time.")]
    TimedOut(String),
    /// The connection broke.
    #[error("{0} broke off.")]
    Broken(String),
}

/// An address that tools must not reach.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Refused {
    /// Another scheme, or a user's name in it.
    #[error("Only https:// addresses without a user name can be reached.")]
    Address,
    /// Unencrypted.
    #[error(
        "{0} is reached by http://, which is only for hosts in allow_hosts with a private address."
    )]
    Unencrypted(String),
    /// Loopback or private, and not listed.
    #[error("{0} has a private address and its host and port are not in allow_hosts.")]
    Private(String),
    /// Metadata services, link-local, multicast, reserved.
    #[error("{0} has an address that tools never reach.")]
    Forbidden(String),
}

impl EgressError {
    /// Whether the request may have reached the other side.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Unreachable(_) | Self::Busy => false,
            Self::NoMemory | Self::TimedOut(_) | Self::Broken(_) => true,
        }
    }

    /// The error of a request to this host.
    pub(super) fn from_reqwest(error: &reqwest::Error, host: &str) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = error.source();
        while let Some(error) = cause {
            // Of the resolver.
            if let Some(error) = error.downcast_ref::<Self>() {
                return error.clone();
            }
            cause = error.source();
        }
        match () {
            () if error.is_connect() || error.is_builder() => Self::Unreachable(host.to_owned()),
            () if error.is_timeout() => Self::TimedOut(host.to_owned()),
            () => Self::Broken(host.to_owned()),
        }
    }

    pub(super) fn from_read(error: &ReadError<reqwest::Error>, host: &str) -> Self {
        match error {
            ReadError::Broken(error) => Self::from_reqwest(error, host),
            ReadError::Full(_) | ReadError::TooLarge(_) => Self::NoMemory,
        }
    }
}
