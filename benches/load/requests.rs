//! Requests one after another over some connections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::connection::Connection;
use crate::job::Job;
use crate::{print, spread};

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    bytes: usize,
    statuses: BTreeMap<u16, usize>,
}

pub async fn run(job: Job) {
    let job = Arc::new(job);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients = (0..job.connections).map(|_| tokio::spawn(client(job.clone(), next.clone())));
    let mut all = Seen::default();
    for client in clients.collect::<Vec<_>>() {
        let seen = client.await.expect("a client");
        all.times.extend(seen.times);
        all.bytes += seen.bytes;
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    let elapsed = started.elapsed().as_secs_f64();
    print(&json!({
        "requests": all.times.len(),
        "per_second": all.times.len() as f64 / elapsed,
        "bytes": all.bytes,
        "statuses": all.statuses,
        "ms": spread::of(all.times),
    }));
}

async fn client(job: Arc<Job>, next: Arc<AtomicUsize>) -> Seen {
    let mut connection = Connection::open(job.address()).await.expect("a connection");
    let mut seen = Seen::default();
    let end = Instant::now() + job.duration();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_last = job.total.map_or_else(|| Instant::now() >= end, |total| number >= total);
        if is_last {
            return seen;
        }
        let request = job.request(number);
        let started = Instant::now();
        let status = connection.send(&request).await.expect("a response");
        let body = connection.read_all().await.expect("a body");
        seen.bytes += body.len();
        seen.times.push(started.elapsed());
        *seen.statuses.entry(status).or_default() += 1;
    }
}
