//! What an answer is to replace stays until it has content.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Stage, stage, until_found};

/// A chat with two questions and their answers.
async fn answered() -> (Stage, Uuid) {
    let stage = stage().await;
    let question = Uuid::new_v4();
    for (id, text) in [(question, "One"), (Uuid::new_v4(), "Two")] {
        stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
        let body = json!({ "message": { "id": id, "content": text } });
        stage.alice.generate(&stage.chat, body).await.expect(200);
    }
    (stage, question)
}

fn refused() -> Answer {
    Answer::Json(400, json!({ "error": { "message": "no", "type": "invalid_request_error" } }))
}

async fn shown(stage: &Stage) -> Vec<Value> {
    let messages = stage.alice.messages(&stage.chat).await;
    messages.iter().map(|message| json!([message["id"], message["content"]])).collect()
}

/// Reads the chat until it has so many messages.
async fn until_shown(stage: &Stage, count: usize) -> Vec<Value> {
    let look = async || Some(shown(stage).await).filter(|messages| messages.len() == count);
    until_found("so many messages are shown", look).await
}

#[tokio::test]
async fn a_failed_regenerate_hides_nothing() {
    let (stage, question) = answered().await;
    let before = shown(&stage).await;
    assert_eq!(before.len(), 4);
    let body = json!({ "regenerate": before[1][0] });
    stage.provider.enqueue(refused());
    assert_eq!(
        stage.alice.generate(&stage.chat, body.clone()).await.problem(422),
        "provider_rejected"
    );
    assert_eq!(shown(&stage).await, before);
    // Sent again, the question has its answer.
    let again = json!({ "message": { "id": question, "content": "One" } });
    let answer = stage.alice.generate(&stage.chat, again).await.expect(200);
    assert_eq!(answer["message"]["id"], before[1][0]);

    let voice = stage.chunk_sender();
    let mut stream = Box::pin(async {
        let mut body = body.clone();
        body["stream"] = json!(true);
        stage.stream(body).await
    });
    let running = async {
        stage.provider.until_asked(4).await;
        assert_eq!(shown(&stage).await, before, "it has no content yet");
        voice.say("Better");
    };
    let (mut stream, ()) = tokio::join!(&mut stream, running);
    stream.until("text-delta").await;
    let after = until_shown(&stage, 2).await;
    assert_eq!((&after[0], &after[1][1]), (&before[0], &json!("Better")));
    drop(voice);
    stream.rest().await;
    assert_eq!(stage.last_message().await["status"], "failed");
    assert_eq!(shown(&stage).await.len(), 2, "what there is of it is shown");
}

#[tokio::test]
async fn a_failed_edit_leaves_the_question_as_it_was() {
    let (stage, question) = answered().await;
    let before = shown(&stage).await;
    let edit = json!({ "messages": [{ "id": question, "role": "user",
        "parts": [{ "type": "text", "text": "Another" }] }], "trigger": "submit-message",
        "messageId": question, "stream": false });
    stage.provider.enqueue(refused());
    assert_eq!(
        stage.alice.generate(&stage.chat, edit.clone()).await.problem(422),
        "provider_rejected"
    );
    assert_eq!(shown(&stage).await, before);
    stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
    let answer = stage.alice.generate(&stage.chat, edit.clone()).await.expect(200);
    assert_eq!(answer["user_message"]["content"], "Another");
    let asked = stage.provider.requests().pop().unwrap()["messages"].to_string();
    assert!(asked.contains("Another") && !asked.contains("One"), "{asked}");
    let after = shown(&stage).await;
    assert_eq!((after.len(), &after[0]), (2, &json!([question, "Another"])));
    assert_eq!(after[1][0], answer["message"]["id"]);
    let all =
        stage.alice.get(&format!("/api/messages/chat/{}?active=any", stage.chat)).await.expect(200);
    let previous = all.as_array().unwrap().iter().find(|message| message["content"] == "One");
    assert_eq!(previous.expect("the previous version")["is_active"], false);
    // The same edit again is answered.
    let again = stage.alice.generate(&stage.chat, edit).await.expect(200);
    assert_eq!(again["message"]["id"], answer["message"]["id"]);
}

#[tokio::test]
async fn a_new_attempt_that_fails_keeps_what_the_last_one_had() {
    let stage = stage().await;
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" } });
    let voice = stage.chunk_sender();
    voice.say("Half");
    let mut stream = stage.stream(question.clone()).await;
    stream.until("text-delta").await;
    drop(voice);
    stream.rest().await;
    stage.provider.enqueue(refused());
    assert_eq!(stage.alice.generate(&stage.chat, question).await.problem(422), "provider_rejected");
    assert_eq!(stage.last_message().await["content"], "Half");
}
