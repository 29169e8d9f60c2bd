//! What this server says to an MCP server that asks or tells something.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ClientResult, CustomResult, ElicitResult, ElicitationAction,
    ErrorCode, ErrorData, Implementation, ProgressNotificationParam, ProgressToken,
    ProtocolVersion, ServerNotification, ServerRequest,
};
use rmcp::service::{NotificationContext, RequestContext, Service};
use serde_json::json;

use crate::agent::tools::source::Progress;

/// Shows how far a call is.
pub(super) type ShowProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// The longest text of a progress that is shown, in characters.
const MAX_PROGRESS_TEXT: usize = 200;

/// Answers a server: pings with a pong, questions for the person with a refusal.
#[derive(Clone, Default)]
pub(super) struct Handler {
    watchers: Arc<Mutex<HashMap<ProgressToken, Watcher>>>,
    /// Whether the server has said that its tools have changed.
    pub(super) tools_changed: Arc<AtomicBool>,
}

struct Watcher {
    show: ShowProgress,
    latest: f64,
}

impl Handler {
    /// Shows the progress of a call until the result is dropped.
    pub(super) fn watch(&self, token: ProgressToken, show: ShowProgress) -> Watching {
        self.lock().insert(token.clone(), Watcher { show, latest: f64::NEG_INFINITY });
        Watching { handler: self.clone(), token }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProgressToken, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self, progress: ProgressNotificationParam) {
        let show = {
            let mut watchers = self.lock();
            let Some(watcher) = watchers.get_mut(&progress.progress_token) else { return };
            // Each notification has a task of its own, so they may overtake one another.
            if !progress.progress.is_finite() || progress.progress <= watcher.latest {
                return;
            }
            watcher.latest = progress.progress;
            watcher.show.clone()
        };
        let short = |text: String| text.chars().take(MAX_PROGRESS_TEXT).collect();
        show(Progress {
            progress: progress.progress,
            total: progress.total.filter(|total| total.is_finite()),
            message: progress.message.map(short),
        });
    }
}

/// A call whose progress is shown.
pub(super) struct Watching {
    handler: Handler,
    token: ProgressToken,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.handler.lock().remove(&self.token);
    }
}

impl Service<RoleClient> for Handler {
    async fn handle_request(
        &self,
        request: ServerRequest,
        _: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match request {
            ServerRequest::PingRequest(_) => Ok(ClientResult::empty(())),
            ServerRequest::ElicitRequest(_) => {
                Ok(ClientResult::ElicitResult(ElicitResult::new(ElicitationAction::Decline)))
            }
            // A question that the library cannot read.
            ServerRequest::CustomRequest(request) if request.method == "elicitation/create" => {
                Ok(ClientResult::CustomResult(CustomResult::new(json!({ "action": "decline" }))))
            }
            _ => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "Not supported.", None)),
        }
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        _: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        match notification {
            ServerNotification::ProgressNotification(progress) => self.progress(progress.params),
            ServerNotification::ToolListChangedNotification(_) => {
                self.tools_changed.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("chat-backend", env!("CARGO_PKG_VERSION"));
        // The version that the handshake offers: later ones have none.
        ClientConfig::new(ClientCapabilities::default(), name)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}
