//! The functions that deal with answers that were cut off.

use serde::Serialize;
use tracing::warn;

use super::{Function, call};
use crate::supabase::Rest;

/// Records the usage of runs that were not heard of again: of the caller's, or of everybody's with the
/// service key. At most a thousand; replies how many.
#[derive(Debug, Serialize)]
pub struct CountLapsedUsage {}

impl Function for CountLapsedUsage {
    const NAME: &'static str = "count_lapsed_usage";
    const IS_REPEATABLE: bool = true;
    type Reply = u64;
}

/// Ends the leases of a server that has just started. Only for the service key; replies how many.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ReleaseLeases<'a> {
    pub p_server: &'a str,
}

impl Function for ReleaseLeases<'_> {
    const NAME: &'static str = "release_leases";
    const IS_REPEATABLE: bool = true;
    type Reply = u64;
}

/// Records the usage of the caller's answers that were cut off, before it is looked at or what it belongs to
/// is gone. Nothing is lost where that fails: the next time does it.
pub async fn count_lapsed_usage(rest: Rest<'_>) {
    if let Err(error) = call(rest, &CountLapsedUsage {}).await {
        warn!("the usage of answers that were cut off is not counted yet: {error}");
    }
}
