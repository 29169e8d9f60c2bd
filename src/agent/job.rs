//! A generation to run.

use std::sync::Arc;

use super::generation::{Credentials, Recorder};
use super::options::Options;
use super::terms::Terms;
use super::tools::AnyTool;
use super::tools::client::ClientTool;

/// A generation to run.
pub struct Job {
    /// Claims and saves the answer.
    pub recorder: Arc<dyn Recorder>,
    /// The user.
    pub credentials: Arc<Credentials>,
    /// On what terms it is written.
    pub terms: Terms,
    /// What the request asks for.
    pub options: Options,
    /// What the model may call.
    pub tools: Vec<Arc<dyn AnyTool>>,
    /// What it may call that runs in the page.
    pub client_tools: Vec<Arc<ClientTool>>,
    /// `usage_logs.operation`.
    pub operation: &'static str,
    /// Whether it continues without listeners.
    pub survives_disconnect: bool,
}
