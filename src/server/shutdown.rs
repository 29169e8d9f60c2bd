//! Shutdown signals. They are awaited on a separate thread, so that they are handled whatever the server
//! is doing, and the process exits in time even if something hangs.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How long saves, listeners and threads have after the grace for running answers. Together with the
/// default of `SHUTDOWN_GRACE_S` it stays below the 30 s after which Kubernetes kills.
const AFTER_GRACE: Duration = Duration::from_secs(9);

/// How long after a Ctrl-C another one is the same.
const PASSED_ON_WITHIN: Duration = Duration::from_millis(500);

/// A token that is cancelled by Ctrl-C or SIGTERM. A second signal exits the process at once, and so does
/// the end of the grace period.
pub fn on_signal(grace: Duration) -> Result<CancellationToken, String> {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    let failed = |error| format!("signals cannot be awaited: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(failed)?;
    let wait = async move {
        let first = (signals.next().await, Instant::now());
        signalled.cancel();
        let second = async { while is_repeat(first, (signals.next().await, Instant::now())) {} };
        tokio::select! {
            () = second => warn!("stopped at once, by a second signal"),
            () = tokio::time::sleep(grace + AFTER_GRACE) => {
                error!("stopped, though something did not end in time");
            }
        }
        std::process::exit(1);
    };
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(move || runtime.block_on(wait)).map(|_| stop).map_err(failed)
}

/// Whether a signal is the first one again. A Ctrl-C arrives from the terminal and once more from each
/// program in between that passes it on, as npx does.
fn is_repeat(first: (Signal, Instant), next: (Signal, Instant)) -> bool {
    first.0 == Signal::Interrupt && first.0 == next.0 && next.1 - first.1 < PASSED_ON_WITHIN
}

/// A signal to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is none"))]
    Terminate,
}

/// The signals. None is missed between two calls of `next`.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ctrl_c_may_arrive_twice() {
        let start = Instant::now();
        let at = |signal, ms| (signal, start + Duration::from_millis(ms));
        let first = at(Signal::Interrupt, 0);
        assert!(is_repeat(first, at(Signal::Interrupt, 10)));
        assert!(!is_repeat(first, at(Signal::Interrupt, 600)));
        assert!(!is_repeat(first, at(Signal::Terminate, 10)));
        assert!(!is_repeat(at(Signal::Terminate, 0), at(Signal::Terminate, 10)));
    }
}
