//! What a model reads of a response.

use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::secrets::Scrubber;
use crate::agent::storable;
use crate::agent::tools::source::Outcome;
use crate::config::file::http::ResponseRule;
use crate::json::{MAX_DEPTH, depth};
use crate::tool_sources::egress::{Body, EgressError, Response};

/// How much is read of a document of which a part is picked.
const MAX_PICKED_FROM: usize = 4 << 20;
/// How much a model reads of an error.
const MAX_ERROR: usize = 8 << 10;

/// How a response is read.
pub struct Reading<'a> {
    /// What of it the model reads.
    pub rule: Option<&'a ResponseRule>,
    /// The longest result, in bytes.
    pub max: usize,
    /// Takes secrets out.
    pub scrubber: Scrubber<'a>,
    /// Whether the caller's token was sent.
    pub as_user: bool,
    /// The endpoint's host, for people.
    pub host: &'a str,
}

impl Reading<'_> {
    /// What became of the call.
    pub async fn outcome(&self, response: Response) -> Result<Outcome, EgressError> {
        let (status, host) = (response.status(), self.host);
        match status {
            status if status.is_success() => self.success(response).await,
            status if status.is_redirection() => Ok(Outcome::Refused(format!(
                "{host} answered {}, a redirect, which tools do not follow.",
                status.as_u16()
            ))),
            StatusCode::UNAUTHORIZED if self.as_user => Ok(Outcome::Refused(format!(
                "Sign-in needed: {host} did not accept the user's access token. The user can sign in again and repeat the request."
            ))),
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Ok(Outcome::Failed {
                sentence: format!(
                    "{host} answered {}: a gateway there had no answer.",
                    status.as_u16()
                ),
                may_have_happened: true,
            }),
            status => {
                let body = self.value(response, self.max.min(MAX_ERROR)).await?;
                let error = json!({ "error": { "status": status.as_u16(), "body": body } });
                Ok(Outcome::Refused(error.to_string()))
            }
        }
    }

    async fn success(&self, response: Response) -> Result<Outcome, EgressError> {
        let output = match self.rule {
            Some(ResponseRule::Pick(pointer)) => match self.picked(response, pointer).await? {
                Ok(picked) => picked,
                Err(sentence) => return Ok(Outcome::Refused(sentence)),
            },
            _ => self.value(response, self.max).await?,
        };
        Ok(Outcome::Ok { output, parts: Vec::new(), files: Vec::new() })
    }

    /// What the pointer leads to. The inner `Err` is a sentence for the model.
    async fn picked(
        &self,
        response: Response,
        pointer: &str,
    ) -> Result<Result<Value, String>, EgressError> {
        let host = self.host;
        let body = response.read(MAX_PICKED_FROM).await?;
        if body.is_cut {
            return Ok(Err(format!(
                "{host} answered with more than {}.",
                size(MAX_PICKED_FROM as u64)
            )));
        }
        let Some(mut document) = parsed(&text(&body.bytes)) else {
            return Ok(Err(format!("{host} did not answer with JSON.")));
        };
        let Some(picked) = document.pointer_mut(pointer).map(Value::take) else {
            return Ok(Err(format!("The answer of {host} has nothing at {pointer}.")));
        };
        let picked = self.scrubber.value(storable(picked));
        let written = picked.to_string();
        Ok(Ok(match written.len() <= self.max {
            true => picked,
            false => self.cut(written, self.max, Some(body.bytes.len() as u64)).into(),
        }))
    }

    async fn value(&self, response: Response, max: usize) -> Result<Value, EgressError> {
        let media_type = response.media_type();
        let kind = Kind::of(media_type.as_deref(), self.rule);
        if kind == Kind::Binary || response.is_packed() {
            return Ok(binary(media_type.as_deref(), response.length()).into());
        }
        let body = response.read(max + self.scrubber.longest()).await?;
        if kind == Kind::Unknown && std::str::from_utf8(&body.bytes).is_err() && !body.is_cut {
            return Ok(binary(None, Some(body.bytes.len() as u64)).into());
        }
        Ok(self.of_text(&body, kind, max))
    }

    fn of_text(&self, body: &Body, kind: Kind, max: usize) -> Value {
        let text = text(&body.bytes);
        if text.is_empty() {
            return "[no content]".into();
        }
        if !body.is_cut
            && text.len() <= max
            && kind == Kind::Json
            && let Some(value) = parsed(&text)
        {
            return self.scrubber.value(storable(value));
        }
        let read = body.bytes.len();
        let scrubbed = self.scrubber.text(text.replace('\0', "\u{fffd}"));
        match body.is_cut || scrubbed.len() > max {
            // The end may be a part of a secret.
            true => {
                let certain = scrubbed.len() - self.scrubber.longest().min(scrubbed.len());
                let length = if body.is_cut { body.length } else { Some(read as u64) };
                self.cut(scrubbed, max.min(certain), length).into()
            }
            false => scrubbed.into(),
        }
    }

    /// The beginning of a text, with how much of how much it is.
    fn cut(&self, mut text: String, max: usize, length: Option<u64>) -> String {
        text.truncate(text.floor_char_boundary(max));
        match length {
            Some(length) => format!("{text}\n[cut, {} in all]", size(length)),
            None => format!("{text}\n[cut after {}]", size(max as u64)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
    Binary,
    Unknown,
}

impl Kind {
    fn of(media_type: Option<&str>, rule: Option<&ResponseRule>) -> Self {
        let is_json =
            |media_type: &str| media_type.ends_with("/json") || media_type.ends_with("+json");
        let is_text = |media_type: &str| {
            media_type.starts_with("text/")
                || ["xml", "yaml", "javascript", "x-www-form-urlencoded", "ndjson", "graphql"]
                    .iter()
                    .any(|end| media_type.ends_with(end))
        };
        match (rule, media_type) {
            (Some(ResponseRule::Json), _) => Self::Json,
            (Some(ResponseRule::Text), _) => Self::Text,
            (_, None) => Self::Unknown,
            (_, Some(media_type)) if is_json(media_type) => Self::Json,
            (_, Some(media_type)) if is_text(media_type) => Self::Text,
            (_, Some(_)) => Self::Binary,
        }
    }
}

/// The text of a body; what is not UTF-8 becomes U+FFFD.
fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned()
}

fn parsed(text: &str) -> Option<Value> {
    (depth(text) <= MAX_DEPTH).then(|| serde_json::from_str(text).ok()).flatten()
}

fn binary(media_type: Option<&str>, length: Option<u64>) -> String {
    let parts = [Some("binary".to_owned()), length.map(size), media_type.map(str::to_owned)];
    format!("[{}]", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// A number of bytes, for people.
fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}
