//! Somebody who calls the tools of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_backend::agent::Credentials;
use chat_backend::agent::tools::source::{
    Outcome, Progress, SourceCall, SourceError, SourceTool, ToolContext, ToolSource, Who,
};
use chat_backend::clock::Clock;
use chat_backend::config::file::{FileConfig, ToolEntry};
use chat_backend::config::{FileHandle, Project};
use chat_backend::memory::Memory;
use chat_backend::observability::metrics::Metrics;
use chat_backend::supabase::{AccessToken, Supabase};
use chat_backend::tool_sources::egress::{Egress, EgressSettings};
use chat_backend::tool_sources::mcp::oauth::{Services, SignIns};
use chat_backend::tool_sources::mcp::{Connections, McpSource};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The tools of the server at this address, with these further lines in the configuration file.
pub fn source(url: &str, more: &str) -> McpSource {
    let file = format!(
        "secrets = [\"KEY\"]\nallow_hosts = [\"{}\"]\n\
         [[tools]]\nkind = \"mcp\"\nname = \"shop\"\nurl = \"{url}\"\n{more}",
        url.trim_start_matches("http://").split('/').next().unwrap(),
    );
    let variables = HashMap::from([("KEY".to_owned(), "s3cret-key".to_owned())]);
    let file = FileConfig::parse(&file, std::path::Path::new(""), &variables).unwrap();
    let [ToolEntry::Mcp(entry)] = &file.tools[..] else { panic!() };
    let settings = EgressSettings { hosts: file.allow_hosts.clone(), ..Default::default() };
    let egress = Egress::new(settings, Memory::new(64 << 20), Metrics::default()).unwrap();
    let project = Project {
        url: "http://127.0.0.1:9".into(),
        public_url: "http://127.0.0.1:9".into(),
        anon_key: "none".into(),
        service_role_key: None,
        jwt_secret: None,
    };
    let services = Services {
        egress: egress.clone(),
        supabase: Supabase::new(&project, Duration::from_secs(1), Clock::System).unwrap(),
        seal_keys: None,
        clock: Clock::System,
    };
    let sign_ins = SignIns::new(FileHandle::default(), services);
    McpSource::new(entry, &file, &egress, &Connections::new(), &sign_ins).unwrap()
}

/// A user.
pub struct Caller {
    credentials: Arc<Credentials>,
    pub progress: Arc<Mutex<Vec<Progress>>>,
}

impl Caller {
    pub fn new() -> Self {
        let user_id = Uuid::new_v4();
        Self::with_token(user_id, &format!("token-of-{user_id}"))
    }

    /// A user with this access token.
    pub fn with_token(user_id: Uuid, token: &str) -> Self {
        let token = AccessToken::new(token);
        let credentials = Credentials::new(user_id, token, i64::MAX);
        Self { credentials, progress: Arc::default() }
    }

    pub fn token(&self) -> String {
        self.credentials.token().expose_secret().to_owned()
    }

    pub async fn list(&self, source: &McpSource) -> Result<Vec<SourceTool>, SourceError> {
        self.list_as(source, None).await
    }

    pub async fn list_as(
        &self,
        source: &McpSource,
        role: Option<&str>,
    ) -> Result<Vec<SourceTool>, SourceError> {
        let who = Who { credentials: self.credentials.clone(), role: role.map(str::to_owned) };
        source.list(&who).await
    }

    pub async fn call(&self, source: &McpSource, tool: &str, arguments: Value) -> Outcome {
        let progress = self.progress.clone();
        let context = ToolContext {
            credentials: self.credentials.clone(),
            chat_id: None,
            message_id: None,
            idempotency_key: "message/call".into(),
            cancellation: CancellationToken::new(),
            progress: Arc::new(move |update| progress.lock().unwrap().push(update)),
        };
        let call = SourceCall { tool: tool.into(), arguments };
        source.call(&context, &call).await
    }
}

/// The result for the model.
pub fn output(outcome: &Outcome) -> &Value {
    match outcome {
        Outcome::Ok { output, .. } => output,
        other => panic!("{other:?}"),
    }
}

/// Why it has failed, and whether something may have happened.
pub fn failure(outcome: Outcome) -> (String, bool) {
    match outcome {
        Outcome::Failed { sentence, may_have_happened } => (sentence, may_have_happened),
        other => panic!("{other:?}"),
    }
}
