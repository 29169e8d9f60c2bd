//! A chat whose answers the test speaks itself.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::{FakeProvider, Frames, TestApp, User, live, until, until_found};

/// An application whose default model is played by the test.
pub struct Stage {
    pub app: TestApp,
    pub provider: FakeProvider,
    pub alice: User,
    pub chat: String,
}

pub async fn stage() -> Stage {
    stage_with(&[]).await
}

pub async fn stage_with(settings: &[(&str, &str)]) -> Stage {
    let provider = FakeProvider::with([]).await;
    let mut all = vec![("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "gpt-6-sol")];
    all.extend(settings);
    let app = TestApp::with(&all).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    Stage { app, provider, alice, chat }
}

/// The model's next answer, which the test speaks.
pub struct ChunkSender(UnboundedSender<Bytes>);

impl ChunkSender {
    pub fn raw(&self, frame: &str) {
        self.0.send(Bytes::from(format!("data: {frame}\n\n"))).unwrap();
    }

    pub fn say(&self, text: &str) {
        self.raw(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }).to_string());
    }

    /// Calls a tool, which ends the step.
    pub fn call_tool(self, id: &str, name: &str, arguments: &Value) {
        let call = json!({ "index": 0, "id": id, "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() } });
        self.raw(
            &json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] } }] }).to_string(),
        );
        self.raw(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#);
        self.raw(r#"{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}}"#);
        self.raw("[DONE]");
    }

    pub fn finish(self) {
        self.raw(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
        self.raw(r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#);
        self.raw("[DONE]");
    }
}

impl Stage {
    /// The model will speak with this sender.
    pub fn chunk_sender(&self) -> ChunkSender {
        let (sender, answer) = live();
        self.provider.enqueue(answer);
        ChunkSender(sender)
    }

    pub fn path(&self) -> String {
        format!("/api/ai/chat/{}/generate", self.chat)
    }

    pub async fn stream(&self, body: Value) -> Frames {
        let mut body = body;
        body["stream"] = json!(true);
        self.alice.stream(&self.path(), body).await
    }

    pub async fn last_message(&self) -> Value {
        self.alice.messages(&self.chat).await.pop().unwrap()
    }

    /// Reads the chat until a checkpoint has told which provider answers.
    pub async fn until_saved(&self) {
        let is_saved = async || !self.last_message().await["metadata"]["provider"].is_null();
        until("a checkpoint names the provider", is_saved).await;
    }

    /// Reads the chat until its last message has this status.
    pub async fn until(&self, status: &str) -> Value {
        let look =
            async || Some(self.last_message().await).filter(|message| message["status"] == status);
        until_found(status, look).await
    }
}
