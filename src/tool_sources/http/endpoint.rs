//! Asks an endpoint.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Request, StatusCode};
use tokio::time::Instant;

use super::access::Access;
use super::operation::Operation;
use super::result::Reading;
use crate::agent::tools::source::{Outcome, SourceCall, SourceTool, ToolContext};
use crate::clock::Clock;
use crate::config::file::http::ResponseRule;
use crate::memory::Holder;
use crate::tool_sources::egress::{Egress, EgressError, Response};

/// The longest `Retry-After` that is waited for.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A tool and the request that it makes.
pub struct Endpoint {
    /// The tool.
    pub tool: SourceTool,
    /// The request.
    pub operation: Operation,
    /// What of the response the model reads.
    pub response: Option<ResponseRule>,
}

/// What the endpoints of an entry share.
pub struct Connection {
    /// The client.
    pub egress: Egress,
    /// In whose name they are asked.
    pub access: Access,
    /// For pauses.
    pub clock: Clock,
}

impl Connection {
    /// Runs a tool.
    pub async fn call(
        &self,
        endpoint: &Endpoint,
        context: &ToolContext,
        call: &SourceCall,
    ) -> Outcome {
        let Endpoint { tool, operation, response: rule } = endpoint;
        let token = context.credentials.token();
        let mut headers = self.access.headers(&context.credentials);
        headers.insert(HeaderName::from_static("idempotency-key"), idempotency_key(context));
        let reading = Reading {
            rule: rule.as_ref(),
            max: tool.max_result_bytes,
            scrubber: self.access.scrubber(token.expose_secret()),
            as_user: self.access.as_user,
            host: operation.url.origin().host_str().unwrap_or_default(),
        };
        let deadline = Instant::now() + tool.deadline;
        let request = |headers: HeaderMap| {
            let time_left = deadline.saturating_duration_since(Instant::now());
            operation.request(&call.arguments, headers, time_left)
        };
        let first = match request(headers.clone()) {
            Ok(request) => request,
            Err(sentence) => return Outcome::Failed { sentence, may_have_happened: false },
        };
        let holder = Holder::User(context.credentials.user_id);
        let answered = async {
            let response = self.egress.send(holder, first).await?;
            let pause = pause(&response).filter(|_| tool.is_repeatable);
            match pause
                .filter(|pause| Instant::now() + *pause < deadline)
                .zip(request(headers).ok())
            {
                Some((pause, again)) => {
                    drop(response);
                    reading.outcome(self.again(holder, again, pause, deadline).await?).await
                }
                None => reading.outcome(response).await,
            }
        };
        answered.await.unwrap_or_else(|error: EgressError| Outcome::Failed {
            may_have_happened: error.may_have_happened(),
            sentence: error.to_string(),
        })
    }

    async fn again(
        &self,
        holder: Holder,
        mut request: Request,
        pause: Duration,
        deadline: Instant,
    ) -> Result<Response, EgressError> {
        self.clock.sleep(pause).await;
        *request.timeout_mut() = Some(deadline.saturating_duration_since(Instant::now()));
        self.egress.send(holder, request).await
    }
}

/// How long an overloaded endpoint asks to wait, where that is not long.
fn pause(response: &Response) -> Option<Duration> {
    let is_overloaded = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
        .contains(&response.status());
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|pause| is_overloaded && *pause <= MAX_PAUSE)
}

/// The same for each attempt. Ids of calls are the provider's and may have any characters.
fn idempotency_key(context: &ToolContext) -> HeaderValue {
    let key: String = context.idempotency_key.chars().take(200).collect();
    let key = key.replace(|c: char| !c.is_ascii_graphic(), "_");
    HeaderValue::from_str(&key).unwrap_or(HeaderValue::from_static("_"))
}
