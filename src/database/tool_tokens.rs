//! The functions for sign-ins at servers of tools.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Function;

/// The caller's sign-in at a source.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ToolToken<'a> {
    pub p_source: &'a str,
}

/// A sign-in as it is stored.
#[derive(Debug, Deserialize)]
pub struct StoredToken {
    /// Sealed with a key of the server's.
    pub sealed: String,
    /// Counts what was stored here.
    pub version: i64,
}

impl Function for ToolToken<'_> {
    const NAME: &'static str = "tool_token";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<StoredToken>;
}

/// Stores a sign-in, or removes it without one; with a run only if the refresh is still that run's. Whether it
/// is done.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SaveToolToken<'a> {
    pub p_source: &'a str,
    pub p_sealed: Option<&'a str>,
    pub p_run: Option<Uuid>,
}

impl Function for SaveToolToken<'_> {
    const NAME: &'static str = "save_tool_token";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}

/// Claims the refresh of the tokens of a version.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ClaimToolRefresh<'a> {
    pub p_source: &'a str,
    pub p_version: i64,
    pub p_run: Uuid,
}

/// Whether a refresh is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshClaim {
    /// It is this run's.
    Claimed,
    /// Another run has it.
    Busy,
    /// There is another version by now.
    Changed,
    /// Refreshes were begun whose outcomes nobody knows.
    Lost,
    /// There is no sign-in.
    Missing,
}

impl Function for ClaimToolRefresh<'_> {
    const NAME: &'static str = "claim_tool_refresh";
    const IS_REPEATABLE: bool = true;
    type Reply = RefreshClaim;
}
