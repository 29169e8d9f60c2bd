//! Log lines and request ids.

use std::io::IsTerminal;

use axum::http::{HeaderMap, HeaderValue};
use tokio::runtime::Handle;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};
use uuid::{Builder, Uuid};

use crate::config::{Config, LogFormat};
use crate::observability::traces::{self, Traces};

mod one_line;

/// The header that carries a request's id, both ways.
pub const X_REQUEST_ID: &str = "x-request-id";

/// Names one request in logs, problems and the `X-Request-Id` header.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as the header has it.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }

    /// The client's own ID if it is valid, else a new one.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        match headers.get(X_REQUEST_ID) {
            Some(id) if is_valid(id.as_bytes()) => Self(id.clone()),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        // It only has to tell requests apart: random numbers from the system would cost more.
        let id = Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
        let id = id.hyphenated().encode_lower(&mut buffer);
        Self(HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("unknown")))
    }
}

/// A word that is no level would be taken for a target, and all others be turned off.
fn is_directive(word: &str) -> bool {
    word.contains('=') || word.parse::<LevelFilter>().is_ok()
}

fn is_valid(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

/// Starts writing log lines to standard error, and sending traces where there is a collector.
pub fn init(config: &Config, runtime: &Handle) -> Result<Option<Traces>, String> {
    if let Some(word) = config.log_filter.split(',').map(str::trim).find(|word| !is_directive(word))
    {
        return Err(format!(
            "RUST_LOG: `{word}` is not a level (error, warn, info, debug, trace, off) or target=level"
        ));
    }
    let filter: Targets = config
        .log_filter
        .parse()
        .map_err(|error| format!("RUST_LOG: `{}` is not usable: {error}", config.log_filter))?;
    // It logs what other servers say; what matters of it stands in the outcomes of calls.
    let filter = match config.log_filter.contains("rmcp") {
        true => filter,
        false => filter.with_target("rmcp", LevelFilter::OFF),
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    let lines = match config.log_format {
        LogFormat::Text => lines.fmt_fields(one_line::fields()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let traced = config.traces.as_ref().map(|traces| traces::layer(traces, runtime.clone()));
    let (spans, traces) = traced.transpose()?.unzip();
    let layers = registry().with(spans).with(lines.with_filter(filter));
    layers.try_init().map_err(|error| error.to_string())?;
    Ok(traces)
}
