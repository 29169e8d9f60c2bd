//! How measured times are spread.

use std::time::Duration;

use serde_json::{Value, json};

/// The median, what one in a hundred exceeds, and the longest, in milliseconds.
pub fn of(mut times: Vec<Duration>) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    times.sort_unstable();
    let at = |share: f64| {
        let time = times[((times.len() - 1) as f64 * share) as usize];
        (time.as_secs_f64() * 1e6).round() / 1e3
    };
    json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0) })
}
