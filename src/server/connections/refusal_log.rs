//! Logs refused connections, at most one line a minute, so that a flood cannot fill the log.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Counts refused connections.
#[derive(Default)]
pub struct RefusalLog {
    count: u64,
    why: String,
    last_logged: Option<Instant>,
}

impl RefusalLog {
    /// Counts one refusal and logs the count if it is due.
    pub fn add(&mut self, why: &str) {
        self.count += 1;
        why.clone_into(&mut self.why);
        if let Some(line) = self.line(Instant::now()) {
            warn!("{line}");
        }
    }

    /// The line for the log, when it is time for one.
    fn line(&mut self, now: Instant) -> Option<String> {
        if self.count == 0
            || self.last_logged.is_some_and(|last_logged| now < last_logged + LOG_INTERVAL)
        {
            return None;
        }
        self.last_logged = Some(now);
        let count = std::mem::take(&mut self.count);
        Some(format!("{count} connections were refused: {}", self.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_minute_with_the_count() {
        let (mut refusals, start) = (RefusalLog::default(), Instant::now());
        let mut lines = Vec::new();
        for second in 0..=60 {
            refusals.count += 1;
            refusals.why = "full".into();
            lines.extend(refusals.line(start + Duration::from_secs(second)));
        }
        let expected = ["1 connections were refused: full", "60 connections were refused: full"];
        assert_eq!(lines, expected);
    }
}
