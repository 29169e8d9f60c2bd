//! What becomes of refused addresses: they are counted, and each host is logged once.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use crate::observability::metrics::Metrics;

/// How many hosts are remembered.
const MAX_HOSTS: usize = 1_024;

/// Counts refused addresses.
#[derive(Default)]
pub struct Refusals {
    metrics: Metrics,
    logged: Mutex<HashSet<String>>,
}

impl Refusals {
    /// Counts in these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, logged: Mutex::default() }
    }

    /// An address of `host` was refused.
    pub fn add(&self, host: &str, address: Option<IpAddr>) {
        self.metrics.refused_address();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < MAX_HOSTS && logged.insert(host.to_owned()) {
            let address = address.map_or_else(String::new, |address| format!(" ({address})"));
            warn!(
                "a tool was not let to {host}{address}; a private host and port can be listed in allow_hosts"
            );
        }
    }
}
