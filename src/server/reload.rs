//! SIGHUP: the configuration file is read again.

use crate::app::AppState;

/// Reads the configuration file again at each SIGHUP, as long as the server runs.
pub fn on_hangup(state: AppState) {
    #[cfg(unix)]
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangups) = signal(SignalKind::hangup()) else {
            tracing::warn!("SIGHUP cannot be awaited: the configuration file is read once");
            return;
        };
        while hangups.recv().await.is_some() {
            reload(&state);
        }
    });
    #[cfg(not(unix))]
    drop(state);
}

/// Reads the file again; a wrong one changes nothing.
pub fn reload(state: &AppState) {
    match state.reload_file() {
        Ok(()) => tracing::info!("the configuration file has been read again"),
        Err(problem) => {
            tracing::error!("the configuration file is wrong, the one before stays: {problem}");
        }
    }
}
