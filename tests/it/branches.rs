//! Versions of messages, and which of them are shown.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Stage, User, stage};

/// Asks and has this said.
async fn say(stage: &Stage, body: Value, text: &str) -> Value {
    let voice = stage.chunk_sender();
    voice.say(text);
    voice.finish();
    stage.alice.generate(&stage.chat, body).await.expect(200)
}

fn id(answer: &Value) -> String {
    answer["message"]["id"].as_str().unwrap().to_owned()
}

async fn list(stage: &Stage, query: &str) -> Vec<Value> {
    let path = format!("/api/messages/chat/{}?{query}", stage.chat);
    stage.alice.get(&path).await.expect(200).as_array().unwrap().clone()
}

/// What is shown: the texts, and how many versions there are of each.
async fn shown(stage: &Stage) -> Vec<String> {
    let messages = list(stage, "include=siblings").await;
    let versions = |message: &Value| message["sibling_ids"].as_array().unwrap().len();
    messages
        .iter()
        .map(|message| format!("{} {}", message["content"].as_str().unwrap(), versions(message)))
        .collect()
}

async fn select(user: &User, message: &str) -> crate::support::Reply {
    user.poke(&format!("/api/messages/{message}/select")).await
}

#[tokio::test]
async fn a_version_comes_back_with_what_followed_it() {
    let stage = stage().await;
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Q1" } });
    let first = say(&stage, question, "A1").await;
    say(&stage, json!({ "content": "Q2" }), "A2").await;
    let second = say(&stage, json!({ "regenerate": id(&first) }), "A1b").await;
    assert_eq!(shown(&stage).await, ["Q1 1", "A1b 2"]);
    let everything = list(&stage, "active=any").await.len();

    let selected = select(&stage.alice, &id(&first)).await.expect(200);
    assert_eq!((&selected["id"], &selected["is_active"]), (&first["message"]["id"], &json!(true)));
    assert_eq!(shown(&stage).await, ["Q1 1", "A1 2", "Q2 1", "A2 1"]);
    // The conversation goes on there.
    say(&stage, json!({ "content": "Q3" }), "A3").await;
    let asked = stage.provider.requests().pop().unwrap()["messages"].to_string();
    assert!(asked.contains("A2") && !asked.contains("A1b"), "{asked}");
    select(&stage.alice, &id(&second)).await.expect(200);
    assert_eq!(shown(&stage).await, ["Q1 1", "A1b 2"]);
    // The newest continuation, also from the middle of a path.
    select(&stage.alice, &id(&first)).await.expect(200);
    assert_eq!(shown(&stage).await.last().unwrap(), "A3 1");
    assert_eq!(list(&stage, "active=any").await.len(), everything + 2, "nothing is lost");
    let siblings = &list(&stage, "include=siblings").await[1]["sibling_ids"];
    assert_eq!(siblings, &json!([id(&first), id(&second)]), "oldest first");
    assert!(list(&stage, "").await[1].get("sibling_ids").is_none());
}

#[tokio::test]
async fn versions_of_an_edited_question() {
    let stage = stage().await;
    let question = Uuid::new_v4();
    let text = |text: &str| {
        json!({ "messages": [{ "id": question, "role": "user",
            "parts": [{ "type": "text", "text": text }] }], "trigger": "submit-message",
            "messageId": question, "stream": false })
    };
    for (asked, answered) in [("One", "1"), ("Two", "2"), ("Three", "3")] {
        say(&stage, text(asked), answered).await;
    }
    assert_eq!(shown(&stage).await, ["Three 3", "3 1"]);
    let versions = list(&stage, "include=siblings").await[0]["sibling_ids"].clone();
    for (version, expected) in [(0, "One"), (1, "Two"), (2, "Three"), (0, "One")] {
        select(&stage.alice, versions[version].as_str().unwrap()).await.expect(200);
        assert_eq!(shown(&stage).await[0], format!("{expected} 3"));
        assert_eq!(shown(&stage).await.len(), 2);
    }
    assert_eq!(list(&stage, "include=siblings").await[0]["sibling_ids"], versions);
}

#[tokio::test]
async fn what_cannot_be_selected() {
    let stage = stage().await;
    let first = say(&stage, json!({ "content": "Q1" }), "A1").await;
    let bob = stage.app.user("bob").await;
    assert_eq!(select(&bob, &id(&first)).await.problem(404), "message_not_found");
    let voice = stage.chunk_sender();
    voice.say("A1b");
    let mut stream = stage.stream(json!({ "regenerate": id(&first) })).await;
    let running = stream.until("start").await["messageId"].clone();
    let problem = select(&stage.alice, &id(&first)).await.expect(409);
    assert_eq!(
        (&problem["code"], &problem["message_id"]),
        (&json!("generation_running"), &running)
    );
    voice.finish();
    stream.rest().await;
    // An attempt that came to nothing is no version.
    let refused = json!({ "error": { "message": "no", "type": "invalid_request_error" } });
    stage.provider.enqueue(Answer::Json(400, refused));
    stage.alice.generate(&stage.chat, json!({ "regenerate": id(&first) })).await.problem(422);
    assert_eq!(shown(&stage).await, ["Q1 1", "A1b 2"]);
}

/// A body of assistant-ui's transport: the list is cut to the branch, and its last message is new.
async fn send(stage: &Stage, before: &[&Value], text: &str, answer: &str) -> Value {
    let message = |id: &Value, role: &str| json!({ "id": id, "role": role, "parts": [] });
    let mut messages: Vec<_> = before.iter().map(|id| message(id, "assistant")).collect();
    messages.push(json!({ "id": Uuid::new_v4(), "role": "user", "metadata": { "custom": {} },
        "parts": [{ "type": "text", "text": text }] }));
    let body = json!({ "messages": messages, "trigger": "submit-message", "stream": false });
    say(stage, body, answer).await
}

#[tokio::test]
async fn a_shorter_list_is_a_branch() {
    let stage = stage().await;
    let first = send(&stage, &[], "Q1", "A1").await;
    let a1 = &first["message"]["id"];
    let second = send(&stage, &[a1], "Q2", "A2").await;
    let a2 = &second["message"]["id"];
    assert_eq!(shown(&stage).await, ["Q1 1", "A1 1", "Q2 1", "A2 1"]);
    // An edit of the second question, and one of the first.
    send(&stage, &[a1], "Q2b", "A2b").await;
    assert_eq!(shown(&stage).await, ["Q1 1", "A1 1", "Q2b 2", "A2b 1"]);
    let asked = stage.provider.requests().pop().unwrap()["messages"].to_string();
    assert!(asked.contains("A1") && !asked.contains("Q2\""), "{asked}");
    send(&stage, &[], "Q1b", "A1b").await;
    assert_eq!(shown(&stage).await, ["Q1b 2", "A1b 1"]);
    let asked = stage.provider.requests().pop().unwrap()["messages"].to_string();
    assert!(!asked.contains("Q1\""), "{asked}");
    // Going on in a branch that is not active, as after a switch in the page.
    send(&stage, &[a1, a2], "Q3", "A3").await;
    assert_eq!(shown(&stage).await, ["Q1 2", "A1 1", "Q2 2", "A2 1", "Q3 1", "A3 1"]);
    // What is not known here changes nothing.
    send(&stage, &[&json!("x7Gh2kQm9TfLw3Zp")], "Q4", "A4").await;
    assert_eq!(shown(&stage).await.len(), 8);
    assert_eq!(list(&stage, "active=any").await.len(), 12, "nothing is lost");
}

#[tokio::test]
async fn a_branch_that_fails_changes_nothing() {
    let stage = stage().await;
    send(&stage, &[], "Q1", "A1").await;
    let before = shown(&stage).await;
    let question = json!({ "messages": [{ "id": Uuid::new_v4(), "role": "user",
        "parts": [{ "type": "text", "text": "Q1b" }] }], "trigger": "submit-message",
        "stream": false });
    let refused = json!({ "error": { "message": "no", "type": "invalid_request_error" } });
    stage.provider.enqueue(Answer::Json(400, refused));
    stage.alice.generate(&stage.chat, question.clone()).await.problem(422);
    assert_eq!(shown(&stage).await, before);
    // Sent again it is a new attempt.
    say(&stage, question, "A1b").await;
    assert_eq!(shown(&stage).await, ["Q1b 2", "A1b 1"]);
}

#[tokio::test]
async fn a_question_that_failed_is_answered_from_there_on() {
    let stage = stage().await;
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Q1" } });
    let refused = json!({ "error": { "message": "no", "type": "invalid_request_error" } });
    stage.provider.enqueue(Answer::Json(400, refused));
    stage.alice.generate(&stage.chat, question.clone()).await.problem(422);
    say(&stage, json!({ "content": "Q2" }), "A2").await;
    assert_eq!(shown(&stage).await, ["Q1 1", "Q2 1", "A2 1"]);
    // Until there is an answer, what was said meanwhile is shown; then it is another version.
    let voice = stage.chunk_sender();
    let mut again = question.clone();
    again["stream"] = json!(true);
    let meanwhile = async {
        stage.provider.until_asked(3).await;
        assert_eq!(shown(&stage).await, ["Q1 1", "Q2 1", "A2 1"]);
        voice.say("A1");
        voice.finish();
    };
    let (stream, ()) = tokio::join!(stage.stream(again), meanwhile);
    stream.rest().await;
    assert_eq!(shown(&stage).await, ["Q1 1", "A1 2"]);
    let asked = stage.provider.requests().pop().unwrap()["messages"].to_string();
    assert!(!asked.contains("Q2"), "{asked}");
    let versions = list(&stage, "include=siblings").await[1]["sibling_ids"].clone();
    select(&stage.alice, versions[0].as_str().unwrap()).await.expect(200);
    assert_eq!(shown(&stage).await, ["Q1 1", "Q2 2", "A2 1"]);
    say(&stage, json!({ "content": "Q3" }), "A3").await;
    assert_eq!(shown(&stage).await, ["Q1 1", "Q2 2", "A2 1", "Q3 1", "A3 1"]);
}
