//! A generation to run.

use std::sync::Arc;

use uuid::Uuid;

use super::generation::{Credentials, Recorder};
use super::options::Options;
use super::terms::Terms;
use super::tools::client::ClientTool;
use super::tools::sources::Offered;

/// A generation to run.
pub struct Job {
    /// Claims and saves the answer.
    pub recorder: Arc<dyn Recorder>,
    /// The user.
    pub credentials: Arc<Credentials>,
    /// On what terms it is written.
    pub terms: Terms,
    /// `app_metadata.role` of the user's token.
    pub role: Option<String>,
    /// The chat; none for an answer without one.
    pub chat_id: Option<Uuid>,
    /// What the request asks for.
    pub options: Options,
    /// What the model may call.
    pub tools: JobTools,
    /// What it may call that runs in the page.
    pub client_tools: Vec<Arc<ClientTool>>,
    /// `usage_logs.operation`.
    pub operation: &'static str,
    /// Whether it continues without listeners.
    pub survives_disconnect: bool,
}

/// What a model may call.
pub enum JobTools {
    /// These tools, until the answer ends.
    Offered(Offered),
    /// What the answer was offered before, which goes on.
    AsBefore,
}

impl Default for JobTools {
    /// Nothing.
    fn default() -> Self {
        Self::Offered(Offered::default())
    }
}
