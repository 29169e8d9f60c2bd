//! What a silent stream says, so that proxies keep it open.

use std::time::Duration;

/// How often it says something.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);
/// What it says.
pub const PING: &[u8] = b": ping\n\n";
