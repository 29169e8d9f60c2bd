//! Shutdown signals. They are awaited on a separate thread, so that they are handled whatever the server
//! is doing, and the process exits in time even if something hangs.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How long saves, listeners and threads have after the grace for running answers. Together with the
/// default of `SHUTDOWN_GRACE_S` it stays below the 30 s after which Kubernetes kills.
const AFTER_GRACE: Duration = Duration::from_secs(9);

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
        signals.next().await;
        signalled.cancel();
        tokio::select! {
            () = signals.next() => warn!("stopped at once, by a second signal"),
            () = tokio::time::sleep(grace + AFTER_GRACE) => {
                error!("stopped, though something did not end in time");
            }
        }
        std::process::exit(1);
    };
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(move || runtime.block_on(wait)).map(|_| stop).map_err(failed)
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

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
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

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
