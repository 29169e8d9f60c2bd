//! Exponential backoff.

use std::time::Duration;

/// Pauses that double from one retry to the next. Pure: chance is passed in.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The pause before the first retry.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// By how much chance shortens and lengthens a pause, as factors: callers that failed together do
    /// not come back together.
    pub jitter: (f64, f64),
}

impl Backoff {
    /// The pause before the next retry, after so many. `random` is in 0..1.
    pub fn pause(&self, retries: u32, random: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(retries));
        let (least, most) = self.jitter;
        doubled.min(self.longest).mul_f64(most - (most - least) * random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
            jitter: (0.5, 1.0),
        };
        let pauses = [0, 1, 3, 4, 99].map(|retries| backoff.pause(retries, 0.0).as_millis());
        assert_eq!(pauses, [100, 200, 800, 1000, 1000]);
        assert_eq!(backoff.pause(1, 0.5), Duration::from_millis(150));
    }
}
