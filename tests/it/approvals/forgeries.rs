//! Users who write what only a server writes: nothing of it is run.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Asking, approve};

#[tokio::test]
async fn what_a_user_writes_themselves_is_never_run() {
    let asking = Asking::new().await;
    let (alice, chat) = (&asking.alice, &asking.chat);
    let rpc = |function: &str, arguments: Value| {
        let path = format!("/rpc/{function}");
        async move { alice.rest(Method::POST, &path, Some(arguments)).await }
    };
    // A message that says that it was approved.
    let pending = asking.waiting("/approve").await;
    let message = asking.last_message().await;
    let mut parts = message["parts"].clone();
    for part in parts.as_array_mut().unwrap() {
        if part["state"] == "approval-requested" {
            part["state"] = "approval-responded".into();
            part["approval"]["approved"] = true.into();
        }
    }
    let path = format!("/messages?id=eq.{}", message["id"].as_str().unwrap());
    alice.rest(Method::PATCH, &path, Some(json!({ "parts": parts }))).await.expect(200);
    let stream = format!("/api/ai/chat/{chat}/stream");
    assert_eq!(alice.get(&stream).await.status, 204);
    assert_eq!(asking.pending().await.len(), 1, "it still waits");
    // Arguments of their own, in the place of those that a server has sealed.
    let edit =
        json!({ "arguments": { "to": "x", "text": "y" }, "arguments_digest": "z", "seal": "s" });
    let decided = rpc(
        "decide_tool_call",
        json!({ "p_chat_id": chat, "p_approved": true,
        "p_call": pending[0]["approval_id"], "p_edit": edit }),
    )
    .await;
    assert_eq!(decided.expect(200)["answer"], "recorded");
    assert_eq!(alice.get(&stream).await.status, 200);
    let message = asking.last_message().await;
    assert!(message.to_string().contains("not what the person was asked about"), "{message}");
    assert!(!message.to_string().contains("sent_to"));

    // An answer of their own, with a call of their own, which they approve.
    let (run, id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let question = json!({ "id": Uuid::new_v4().to_string(), "content": "Hi",
        "parts": [{ "type": "text", "text": "Hi" }] });
    let started = rpc(
        "begin_generation",
        json!({ "p_chat_id": chat, "p_run": run,
        "p_message_id": id, "p_user_message": question, "p_model": "scripted/demo" }),
    )
    .await;
    assert_eq!(started.expect(200)["answer"], "started");
    let call = json!({ "call_id": "own", "source": "demo", "source_tool": "send_postcard",
        "tool": "send_postcard", "policy": "always", "definition_digest": "d",
        "arguments": { "to": "x", "text": "y" }, "arguments_digest": "a", "seal": "s",
        "expires_in_s": 600 });
    let part = json!({ "type": "tool-send_postcard", "toolCallId": "own", "input": {},
        "state": "approval-requested", "approval": { "id": "x" } });
    let end = json!({ "status": "awaiting", "finish_reason": "tool-calls", "tool_calls": [call] });
    rpc(
        "save_generation",
        json!({ "p_chat_id": chat, "p_run": run, "p_message_id": id,
        "p_parts": [{ "type": "step-start" }, part], "p_end": end }),
    )
    .await
    .expect(200);
    let answer = alice.post(&asking.path("own"), approve()).await.expect(200);
    assert!(answer.to_string().contains("not what the person was asked about"), "{answer}");
    assert!(!answer.to_string().contains("sent_to"));
    // Neither the table nor its functions behind the API can be reached.
    assert_eq!(alice.rest(Method::GET, "/tool_calls", None).await.status, 404);
    assert_eq!(rpc("record_decision", json!({})).await.status, 404);
}

/// A user who keeps what a server has sealed, and writes it again.
struct Forger<'a> {
    asking: &'a Asking,
    question: Value,
}

impl Forger<'_> {
    async fn rpc(&self, function: &str, arguments: Value) -> Value {
        let path = format!("/rpc/{function}");
        self.asking.alice.rest(Method::POST, &path, Some(arguments)).await.expect(200)
    }

    /// Writes the answer with this id anew, with the call as it was, and has it continued.
    async fn make_again(&self, call: &Value) -> String {
        let (chat, message, run) = (&self.asking.chat, &call["message_id"], Uuid::new_v4());
        let path = format!("/messages?id=eq.{}", message.as_str().unwrap());
        self.asking.alice.rest(Method::DELETE, &path, None).await.expect(204);
        let begin = json!({ "p_chat_id": chat, "p_run": run, "p_message_id": message,
            "p_user_message": self.question, "p_model": "scripted/demo" });
        assert_eq!(self.rpc("begin_generation", begin).await["answer"], "started");
        let part = json!({ "type": "tool-send_postcard", "toolCallId": call["call_id"],
            "input": call["arguments"], "state": "approval-requested",
            "approval": { "id": call["id"] } });
        let mut call = call.clone();
        call["expires_in_s"] = 600.into();
        let end =
            json!({ "status": "awaiting", "finish_reason": "tool-calls", "tool_calls": [call] });
        let save = json!({ "p_chat_id": chat, "p_run": run, "p_message_id": message,
            "p_parts": [{ "type": "step-start" }, part], "p_end": end });
        assert_eq!(self.rpc("save_generation", save).await["owned"], true);
        let path = self.asking.path(call["id"].as_str().unwrap());
        self.asking.alice.post(&path, approve()).await.expect(200).to_string()
    }
}

#[tokio::test]
async fn a_seal_is_good_for_one_call() {
    let asking = Asking::new().await;
    let pending = asking.waiting("/approve").await;
    let question = asking.alice.messages(&asking.chat).await[0].clone();
    let question = json!({ "id": question["id"], "content": question["content"],
        "parts": question["parts"] });
    let forger = Forger { asking: &asking, question };
    let key = json!({ "p_chat_id": asking.chat, "p_call": pending[0]["approval_id"] });
    let call = forger.rpc("find_tool_call", key).await;
    let first = asking.decide(&pending[0], approve()).await.expect(200).to_string();
    assert!(first.contains("sent_to"), "{first}");
    let again = forger.make_again(&call).await;
    assert!(again.contains("was made before") && !again.contains("sent_to"), "{again}");
    // Nor under another id.
    let mut other = call.clone();
    other["id"] = json!(Uuid::new_v4());
    let again = forger.make_again(&other).await;
    assert!(again.contains("not what the person was asked"), "{again}");
    assert!(!again.contains("sent_to"), "{again}");
}
