//! SIGHUP: the configuration file is read again.

use tokio_util::sync::CancellationToken;

use crate::app::AppState;

/// Reads the configuration file again at each SIGHUP, as long as the server runs. Where there is no file,
/// SIGHUP ends the process, as it does by default. A terminal that is closed sends SIGHUP as well: what
/// was started in it then stops, by `stop`.
pub fn on_hangup(state: AppState, stop: CancellationToken) {
    #[cfg(unix)]
    if state.has_file() {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::hangup()) {
            Ok(hangups) => drop(tokio::spawn(await_hangups(hangups, state, stop))),
            Err(error) => tracing::warn!("SIGHUP is not awaited, the file is read once: {error}"),
        }
    }
    #[cfg(not(unix))]
    drop((state, stop));
}

#[cfg(unix)]
async fn await_hangups(
    mut hangups: tokio::signal::unix::Signal,
    state: AppState,
    stop: CancellationToken,
) {
    use std::io::{IsTerminal, stdin};
    let had_terminal = stdin().is_terminal();
    while hangups.recv().await.is_some() {
        if had_terminal && !stdin().is_terminal() {
            tracing::info!("stopping: the terminal has been closed");
            return stop.cancel();
        }
        reload(&state);
    }
}

/// Reads the file again; a wrong one changes nothing.
#[cfg(unix)]
fn reload(state: &AppState) {
    match state.reload_file() {
        Ok(()) => tracing::info!("the configuration file has been read again"),
        Err(problem) => {
            tracing::error!("the configuration file is wrong, the one before stays: {problem}");
        }
    }
}
