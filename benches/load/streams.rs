//! Many streams at once. A delta of the provider carries the time when it was sent, so the way of each one
//! to its reader can be measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use tokio::sync::watch;

use crate::connection::Connection;
use crate::job::Job;
use crate::{print, spread};

/// The most bytes of a time stamp, which may arrive in two pieces.
const STAMP: usize = 24;
/// A stream that brings nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Seen {
    first_byte: Option<Duration>,
    lags: Vec<Duration>,
    bytes: usize,
    problem: Option<String>,
}

pub async fn run(job: Job) {
    let job = Arc::new(job);
    let open = Arc::new(AtomicUsize::new(0));
    let (release, released) = watch::channel(!job.hold);
    let started = Instant::now();
    let mut clients = Vec::new();
    for number in 0..job.connections {
        if job.per_second > 0 {
            let at = Duration::from_secs_f64(number as f64 / job.per_second as f64);
            tokio::time::sleep_until((started + at).into()).await;
        }
        let (job, open, released) = (job.clone(), open.clone(), released.clone());
        clients.push(tokio::spawn(client(job, number, open, released)));
    }
    if job.hold {
        while open.load(Ordering::Relaxed) < job.connections {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        print(&json!({ "open": job.connections }));
        let held = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        let _ = held.await;
        release.send_replace(true);
    }
    let mut all = Seen::default();
    let (mut first_bytes, mut problems) = (Vec::new(), Vec::new());
    for client in clients {
        let seen = client.await.expect("a client");
        all.lags.extend(seen.lags);
        all.bytes += seen.bytes;
        first_bytes.extend(seen.first_byte);
        problems.extend(seen.problem);
    }
    print(&json!({
        "streams": job.connections,
        "seconds": started.elapsed().as_secs_f64(),
        "deltas": all.lags.len(),
        "bytes": all.bytes,
        "first_byte_ms": spread::of(first_bytes),
        "lag_ms": spread::of(all.lags),
        "failed": problems.len(),
        "problem": problems.first(),
    }));
}

async fn client(
    job: Arc<Job>,
    number: usize,
    open: Arc<AtomicUsize>,
    mut released: watch::Receiver<bool>,
) -> Seen {
    let mut seen = Seen::default();
    let mut is_open = false;
    let follow = follow(&job, number, &mut seen, || {
        if !std::mem::replace(&mut is_open, true) {
            open.fetch_add(1, Ordering::Relaxed);
        }
    });
    let ended = if job.hold {
        tokio::select! {
            ended = follow => ended,
            _ = released.wait_for(|released| *released) => Ok(()),
        }
    } else {
        follow.await
    };
    if let Err(problem) = ended {
        // It is not waited for any longer.
        open.fetch_add(usize::from(!is_open), Ordering::Relaxed);
        seen.problem = Some(problem);
    }
    seen
}

/// Reads a stream to its end.
async fn follow(
    job: &Job,
    number: usize,
    seen: &mut Seen,
    mut began: impl FnMut(),
) -> Result<(), String> {
    let broken = |error: std::io::Error| error.to_string();
    let mut connection = Connection::open(job.address()).await.map_err(broken)?;
    let started = Instant::now();
    let status = connection.send(&job.request(number)).await.map_err(broken)?;
    if status != 200 {
        let body = connection.read_all().await.map_err(broken)?;
        return Err(format!("{status}: {}", String::from_utf8_lossy(body)));
    }
    let mut kept = 0;
    loop {
        seen.bytes += connection.body().len() - kept;
        if read_stamps(connection.body(), &mut seen.lags) {
            seen.first_byte.get_or_insert_with(|| started.elapsed());
            began();
        }
        if connection.is_whole() {
            return Ok(());
        }
        let unread = unread(connection.body());
        connection.forget_but(unread);
        kept = connection.body().len();
        let read = tokio::time::timeout(PATIENCE, connection.read()).await;
        read.map_err(|_| "nothing came for too long".to_owned())?.map_err(broken)?;
    }
}

/// How many bytes at the end are, or may become, a time stamp or the end of the body.
fn unread(body: &[u8]) -> usize {
    let tail = &body[body.len().saturating_sub(STAMP)..];
    tail.iter()
        .rposition(|byte| *byte == b';')
        .map_or(tail.len(), |end| tail.len() - end - 1)
        .max(7)
}

/// Reads what looks like `t=<microseconds>;`. Whether there is any.
fn read_stamps(body: &[u8], lags: &mut Vec<Duration>) -> bool {
    let before = lags.len();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut rest = body;
    while let Some(at) = rest.windows(2).position(|bytes| bytes == b"t=") {
        rest = &rest[at + 2..];
        let Some(end) = rest.iter().take(STAMP).position(|byte| *byte == b';') else { continue };
        let sent = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse().ok());
        lags.extend(sent.map(|sent| now.saturating_sub(Duration::from_micros(sent))));
        rest = &rest[end..];
    }
    lags.len() > before
}
