//! What operators see: log lines, metrics and traces.

pub mod logging;
pub mod metrics;
pub mod traces;
