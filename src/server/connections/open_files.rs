//! The system's limit on open files, of which connections are the most.

/// More than this is of no use to this server.
#[cfg(unix)]
const MAX_USEFUL: u64 = 65_536;
/// What some systems allow where they claim to have no limit.
#[cfg(unix)]
const FALLBACK_LIMIT: u64 = 10_240;
/// For the database, scripts, providers and the log.
const RESERVED: u64 = 128;
/// A connection whose request asks Supabase or a model has another one for that.
const PER_CONNECTION: u64 = 2;
/// The local Supabase has that one's other end.
const PER_CONNECTION_WITH_LOCAL_SUPABASE: u64 = 3;
/// With fewer connections than this the server is of no use.
const MIN_CONNECTIONS: u64 = 16;

/// Raises this process's limit as far as it may.
#[cfg(unix)]
pub fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let requested = limit.maximum.map_or(MAX_USEFUL, |maximum| maximum.min(MAX_USEFUL));
    for requested in [requested, requested.min(FALLBACK_LIMIT)] {
        let is_enough = limit.current.is_none_or(|current| current >= requested);
        let raised = Rlimit { current: Some(requested), maximum: limit.maximum };
        if is_enough || setrlimit(Resource::Nofile, raised).is_ok() {
            return;
        }
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub fn raise_limit() {}

/// The limit, where there is one.
pub fn limit() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    None
}

/// As many of the requested connections as this limit allows.
pub fn connections(requested: usize, limit: Option<u64>, has_local_supabase: bool) -> usize {
    let Some(limit) = limit else { return requested };
    let files = match has_local_supabase {
        true => PER_CONNECTION_WITH_LOCAL_SUPABASE,
        false => PER_CONNECTION,
    };
    let allowed = (limit.saturating_sub(RESERVED) / files).max(MIN_CONNECTIONS);
    requested.min(usize::try_from(allowed).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_limit() {
        let local = |requested, limit| connections(requested, limit, true);
        assert_eq!(local(8_192, None), 8_192);
        assert_eq!(local(8_192, Some(65_536)), 8_192);
        assert_eq!(local(8_192, Some(512)), 128);
        assert_eq!(local(100, Some(512)), 100);
        assert_eq!(local(8_192, Some(20)), 16);
        assert_eq!(connections(8_192, Some(512), false), 192);
    }
}
