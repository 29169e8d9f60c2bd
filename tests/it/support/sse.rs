//! Reads the AI SDK's stream, frame by frame.

use chat_backend::api::ai::stream_event::StreamEvent;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

/// The frames of a stream that is being read.
pub struct Frames {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    body: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    unread: Vec<u8>,
}

impl Frames {
    pub fn from_response(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes_stream().boxed(),
            unread: Vec::new(),
        }
    }

    /// The next frame; `None` after `[DONE]`. Comments are passed over.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                let frame = String::from_utf8(frame).unwrap();
                match frame.trim_end().strip_prefix("data: ") {
                    Some("[DONE]") => return None,
                    Some(data) => return Some(self.documented(data)),
                    None => continue,
                }
            }
            match self.body.next().await {
                Some(bytes) => self.unread.extend_from_slice(&bytes.expect("the stream broke")),
                None => panic!("the stream ended without [DONE]"),
            }
        }
    }

    /// A frame, which is one that the API's document describes.
    fn documented(&self, data: &str) -> Value {
        let frame: Value = serde_json::from_str(data).unwrap();
        let is_of_the_front_end = frame["type"].as_str().is_some_and(|kind| {
            kind.starts_with("data-")
                && !["data-chat-title", "data-error", "data-tool-progress"].contains(&kind)
        });
        if self.headers.contains_key("x-vercel-ai-ui-message-stream") && !is_of_the_front_end {
            let event = serde_json::from_str::<StreamEvent>(data);
            assert!(event.is_ok(), "not as documented: {data}: {event:?}");
        }
        frame
    }

    /// Reads on until a frame of this type.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("no {kind} in the stream"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The rest of the stream.
    pub async fn rest(mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// What frames say, shortened: types in order, with deltas joined.
pub fn frames(frames: &[Value]) -> Vec<String> {
    let mut short: Vec<String> = Vec::new();
    for frame in frames {
        let kind = frame["type"].as_str().unwrap();
        let delta = frame["delta"].as_str().unwrap_or_default();
        match short.last_mut() {
            Some(last) if kind.ends_with("-delta") && last.starts_with(kind) => {
                last.push_str(delta);
            }
            _ if kind.ends_with("-delta") => short.push(format!("{kind} {delta}")),
            _ => short.push(kind.to_owned()),
        }
    }
    short
}
