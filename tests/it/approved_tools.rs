//! Tools that ask, from the configuration file: what becomes of a call when its tool is another by then, or the
//! day's tokens are used up, and of a model that does not take no for an answer.

use std::sync::{Arc, Mutex};

use axum::Json;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    Answer, FakeProvider, OperatorFile, TestApp, User, call, says, skipped_on_a_real_supabase,
};

fn cancels(id: &str) -> Answer {
    call(id, "cancel_order", &json!({ "id": 5 }))
}

/// A file with the tool, described like this.
fn file(description: Option<&str>) -> OperatorFile {
    let tool = description.map(|description| {
        format!(
            "[[tools]]\nkind = \"http\"\nname = \"cancel_order\"\ndescription = \"{description}\"\n\
             url = \"http://127.0.0.1:9/orders\"\napproval = \"always\"\ndefault = true\n\
             parameters = {{ type = \"object\", properties = {{ id = {{ type = \"integer\" }} }} }}\n"
        )
    });
    OperatorFile::new(&format!("allow_hosts = [\"127.0.0.1:9\"]\n{}", tool.unwrap_or_default()))
}

struct Shop {
    provider: FakeProvider,
    app: TestApp,
    alice: User,
    chat: String,
}

impl Shop {
    async fn new(answers: impl IntoIterator<Item = Answer>, more: &[(&str, &str)]) -> Self {
        let provider = FakeProvider::with(answers).await;
        let file = file(Some("Cancels an order."));
        let settings = Self::settings(&provider, file.path());
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (*name, &**value))
            .chain(more.iter().copied())
            .collect();
        let app = TestApp::with(&settings).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Shop").await;
        Self { provider, app, alice, chat }
    }

    fn settings(provider: &FakeProvider, file: &str) -> [(&'static str, String); 4] {
        [
            ("OPENAI_BASE_URL", provider.url.clone()),
            ("DEFAULT_MODEL", "openai/any".to_owned()),
            ("CONFIG_FILE", file.to_owned()),
            // What one replica has sealed, the other one recognises.
            ("SEAL_KEY", "the same on all replicas of these tests".to_owned()),
        ]
    }

    /// Asks, and decides on the call by a replica that has read this file.
    async fn approved_elsewhere(&self, description: Option<&str>) -> Value {
        let asked = self.alice.ask(&self.chat, "Cancel order 5").await;
        assert_eq!(asked["message"]["status"], "awaiting", "{asked}");
        let file = file(description);
        let settings = Self::settings(&self.provider, file.path());
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        let replica = self.app.replica(&settings).await;
        let there = self.alice.on(&replica);
        let waiting = there.get("/api/ai/approvals").await.expect(200)[0].clone();
        let path = self.path(waiting["approval_id"].as_str().unwrap());
        there.post(&path, json!({ "approved": true, "stream": false })).await.expect(200)
    }

    fn path(&self, call: &str) -> String {
        format!("/api/ai/chat/{}/tool-calls/{call}", self.chat)
    }
}

/// What the answer says of its call.
fn error(answer: &Value) -> &str {
    let parts = answer["message"]["parts"].as_array().unwrap();
    parts.iter().find_map(|part| part["errorText"].as_str()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_tool_that_is_another_by_then_is_not_run() {
    let answers = [cancels("a"), says("I see."), cancels("b"), says("I see.")];
    let shop = Shop::new(answers, &[]).await;
    let changed = shop.approved_elsewhere(Some("Cancels all orders.")).await;
    assert!(error(&changed).contains("has changed since the person was asked"), "{changed}");
    let removed = shop.approved_elsewhere(None).await;
    assert!(error(&removed).contains("not there any more"), "{removed}");
    assert_eq!(removed["message"]["status"], "complete");
}

#[tokio::test]
async fn no_is_no_for_the_rest_of_the_answer() {
    let answers = (0..9).map(|number| cancels(&format!("call_{number}")));
    let shop = Shop::new(answers, &[]).await;
    shop.alice.ask(&shop.chat, "Cancel order 5").await;
    let no = json!({ "approved": false, "reason": "Never", "stream": false });
    let answer = shop.alice.post(&shop.path("call_0"), no).await.expect(200);
    assert_eq!(answer["message"]["finish_reason"], "tool_loop", "{answer}");
    let parts = answer["message"]["parts"].as_array().unwrap();
    let denied: Vec<_> = parts.iter().filter(|part| part["state"] == "output-denied").collect();
    assert!(denied.len() >= 2 && denied.iter().all(|part| part["approval"]["reason"] == "Never"));
    assert_eq!(shop.alice.get("/api/ai/approvals").await.expect(200), json!([]));
}

#[tokio::test]
async fn without_tokens_for_the_rest_nothing_runs() {
    if skipped_on_a_real_supabase("usage of the server's own making") {
        return;
    }
    let shop = Shop::new([cancels("a"), says("Done.")], &[("DAILY_TOKEN_LIMIT", "100000")]).await;
    shop.alice.ask(&shop.chat, "Cancel order 5").await;
    let usage = json!({ "user_id": shop.alice.id, "operation": "chat", "provider": "openai",
        "model": "m", "input_tokens": 200_000, "usage_source": "reported", "status": "complete" });
    shop.app.store("usage_logs", &usage).await;
    let yes = json!({ "approved": true, "stream": false });
    let refused = shop.alice.post(&shop.path("a"), yes).await;
    assert_eq!(refused.problem(429), "daily_limit_exceeded");
    let message = shop.alice.messages(&shop.chat).await.pop().unwrap();
    assert_eq!(message["status"], "awaiting");
    let part = message["parts"].as_array().unwrap().iter().find(|part| part["toolCallId"] == "a");
    assert_eq!(part.unwrap()["state"], "approval-responded");
}

/// An endpoint that keeps what it is sent.
async fn bank() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = received.clone();
    let pay = move |Json(body): Json<Value>| async move {
        kept.lock().unwrap().push(body);
        Json(json!({ "paid": true }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = axum::Router::new().route("/pay", axum::routing::post(pay));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, received)
}

#[tokio::test]
async fn what_is_hidden_of_arguments_is_nowhere_but_in_the_call() {
    let (port, received) = bank().await;
    let file = OperatorFile::new(&format!(
        "allow_hosts = [\"localhost:{port}\"]\n[[tools]]\nkind = \"http\"\nname = \"pay\"\n\
         description = \"Pays.\"\nurl = \"http://localhost:{port}/pay\"\nredact = [\"/card\"]\nedit = true\n\
         parameters = {{ type = \"object\", properties = {{ card = {{ type = \"string\", minLength = 8 }}, \
         amount = {{ type = \"integer\" }} }}, required = [\"card\", \"amount\"] }}\n"
    ));
    let app = TestApp::with(&[("CONFIG_FILE", file.path())]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Bill").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let secret = "4111-1111";
    let content = format!("/tool pay {{\"card\": \"{secret}\", \"amount\": 5}}");
    let body = json!({ "content": content, "tools": ["pay"], "stream": true });
    let shown = json!(alice.stream(&path, body).await.rest().await).to_string();
    let waiting = alice.get("/api/ai/approvals").await.expect(200)[0].clone();
    assert_eq!(waiting["arguments"], json!({ "card": "•••", "amount": 5 }));
    // Sent back as it was shown, with another amount.
    let path =
        format!("/api/ai/chat/{chat}/tool-calls/{}", waiting["approval_id"].as_str().unwrap());
    let decision = json!({ "approved": true, "arguments": { "card": "•••", "amount": 6 } });
    let rest = json!(alice.stream(&path, decision).await.rest().await).to_string();
    assert_eq!(*received.lock().unwrap(), [json!({ "card": secret, "amount": 6 })]);
    let answer = alice.messages(&chat).await.pop().unwrap().to_string();
    let is_shown = shown.contains("•••") && rest.contains("paid");
    for text in [shown, rest, answer.clone()] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(is_shown && answer.contains("•••") && answer.contains("paid"), "{answer}");
}
