//! Files that models cannot read and providers refuse.

use serde_json::{Value, json};

use super::{Stage, data_url, named, picture, says};
use crate::support::{Answer, Form, PNG};

#[tokio::test]
async fn what_a_model_cannot_take_is_refused_before_it_is_asked() {
    let stage = Stage::anthropic().await;
    let zip = data_url("application/zip", b"PK\x03\x04rest");
    let zip = json!({ "type": "file", "mediaType": "application/zip", "url": zip });
    let reply = stage.ask(says("Look", std::slice::from_ref(&zip))).await;
    assert!(reply.text.contains("application/zip, which models cannot read"), "{}", reply.text);
    assert_eq!(reply.pointers(), ["/message/parts/1"]);
    let large = [PNG, &vec![0; 5 << 20][..]].concat();
    let large = stage.alice.add_file("large.png", "image/png", large).await;
    assert_eq!(stage.ask(says("Look", &[named(&large)])).await.pointers(), ["/message/parts/1"]);
    let many: Vec<_> = (0..21).map(|_| picture()).collect();
    assert_eq!(stage.ask(says("Look", &many)).await.pointers(), ["/message/parts/21"]);
    let body = json!({ "id": "sdk-chat", "trigger": "submit-message", "messages": [
        { "id": "m1", "role": "user", "parts": [{ "type": "text", "text": "Look" }, zip] }] });
    let reply = stage.alice.post("/api/ai/chat", body).await;
    assert_eq!(reply.pointers(), ["/messages/0/parts/1"]);
    assert_eq!(stage.provider.requests().len(), 0);
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 0);
    assert_eq!(stage.alice.file_rows().await.len(), 1, "what was refused is not stored");
    let stateless = async |role: &str, part: &Value| {
        let body = json!({ "messages": [{ "role": role, "content": [part] }] });
        stage.alice.post("/api/ai/generate", body).await.pointers()
    };
    assert_eq!(stateless("user", &zip).await, ["/messages/0/content/0"]);
    assert_eq!(stateless("assistant", &picture()).await, ["/messages/0/content/0"]);
}

/// The same file, said to be this wide.
fn wide(width: u32) -> Vec<u8> {
    let mut png = PNG.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png
}

#[tokio::test]
async fn damaged_pictures_are_refused_where_they_come_in() {
    let stage = Stage::anthropic().await;
    let alice = &stage.alice;
    for (bytes, problem) in [
        (&PNG[..20], "cut short"),
        (&PNG[..33], "cut short"),
        (&wide(0)[..], "without width"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\0\x01\0\0\0\x01", "damaged"),
        (b"", "cut short"),
    ] {
        let reply = alice.upload(Form::file("a.png", "image/png", bytes)).await;
        assert!(reply.text.contains(problem), "{problem}: {}", reply.text);
        assert_eq!(reply.pointers(), ["/file"]);
        let url = json!({ "type": "file", "mediaType": "image/png",
            "url": data_url("image/png", bytes) });
        assert_eq!(stage.ask(says("Look", &[url])).await.pointers(), ["/message/parts/1/url"]);
    }
    assert_eq!(alice.file_rows().await.len(), 0);
    let large = alice.add_file("large.png", "image/png", wide(8_001)).await;
    let reply = stage.ask(says("Look", &[named(&large)])).await;
    assert!(reply.text.contains("at most 8000 pixels a side"), "{}", reply.text);
    let empty = alice.add_file("empty.txt", "text/plain", "").await;
    let reply = stage.ask(says("Read", &[named(&empty)])).await;
    assert!(reply.text.contains("is empty"), "{}", reply.text);
    let blank = json!({ "type": "file", "mediaType": "text/plain",
        "url": data_url("text/plain", b" \n") });
    let body = json!({ "messages": [{ "role": "user", "content": [blank] }] });
    let reply = alice.post("/api/ai/generate", body).await;
    assert!(reply.text.contains("has no text"), "{}", reply.text);
    assert_eq!(stage.provider.requests().len(), 0);
}

/// What the two say of a picture that they cannot decode.
fn refusals() -> [(&'static str, &'static str, &'static str, Value); 2] {
    let openai = json!({ "error": { "message": "The image data you provided does not represent a \
        valid image. Please check your input and try again.", "type": "invalid_request_error",
        "param": null, "code": "invalid_image" } });
    let anthropic = json!({ "type": "error", "error": { "type": "invalid_request_error",
        "message": "messages.0.content.1.image.source.base64.data: Could not process image" } });
    [
        ("OPENAI_BASE_URL", "gpt-6-sol", "openai-chat/text_stream.sse", openai),
        ("ANTHROPIC_BASE_URL", "claude-opus-5-5", "anthropic/text_stream.sse", anthropic),
    ]
}

#[tokio::test]
async fn a_picture_that_a_provider_refuses_does_not_brick_its_chat() {
    for (variable, model, fixture, refusal) in refusals() {
        let answers =
            vec![Answer::Json(400, refusal), Answer::Fixture(fixture), Answer::Fixture(fixture)];
        let stage = Stage::with(variable, model, answers).await;
        let file = stage.alice.add_file("cat.png", "image/png", PNG).await;
        let reply = stage.ask(says("Look", &[named(&file)])).await;
        assert_eq!(reply.problem(422), "attachment_refused", "{model}");
        stage.ask(json!({ "content": "And now?" })).await.expect(200);
        let received = stage.provider.requests().last().unwrap()["messages"].to_string();
        assert!(received.contains("[file: cat.png]") && !received.contains("base64"), "{received}");
        let again = stage.ask(says("Look again", &[named(&file)])).await;
        assert!(again.text.contains("could not be read"), "{}", again.text);
        assert_eq!(again.pointers(), ["/message/parts/1"]);
    }
}

#[tokio::test]
async fn an_earlier_picture_that_is_refused_is_left_out_at_once() {
    let [(variable, model, fixture, _), _] = refusals();
    let too_large = json!({ "error": { "message": "Payload too large" } });
    let too_large = (variable, model, fixture, 413, too_large);
    // It does not say what it means.
    let invalid = json!({ "error": { "message": "Invalid request." } });
    let invalid = (variable, model, fixture, 400, invalid);
    let refused =
        refusals().map(|(variable, model, fixture, it)| (variable, model, fixture, 400, it));
    for (variable, model, fixture, status, refusal) in
        refused.into_iter().chain([too_large, invalid])
    {
        let answers = vec![
            Answer::Fixture(fixture),
            Answer::Json(status, refusal),
            Answer::Fixture(fixture),
            Answer::Fixture(fixture),
        ];
        let stage = Stage::with(variable, model, answers).await;
        stage.ask(says("Look", &[picture()])).await.expect(200);
        stage.ask(json!({ "content": "And?" })).await.expect(200);
        stage.ask(json!({ "content": "And now?" })).await.expect(200);
        let requests = stage.provider.requests();
        assert_eq!(requests.len(), 4, "{model}");
        assert!(requests[1].to_string().contains("base64"), "{model}");
        for request in &requests[2..] {
            assert!(request.to_string().contains("[file: cat.png]"), "{model}");
        }
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_about_pictures_costs_none() {
    let [(variable, model, fixture, _), _] = refusals();
    let invalid = || Answer::Json(400, json!({ "error": { "message": "Invalid request." } }));
    let answers = vec![Answer::Fixture(fixture), invalid(), invalid(), Answer::Fixture(fixture)];
    let stage = Stage::with(variable, model, answers).await;
    stage.ask(says("Look", &[picture()])).await.expect(200);
    assert!(stage.ask(json!({ "content": "And?" })).await.status >= 400);
    stage.ask(json!({ "content": "And now?" })).await.expect(200);
    let sent: Vec<_> = stage.provider.requests().iter().map(ToString::to_string).collect();
    assert_eq!(sent.len(), 4);
    assert!(!sent[2].contains("base64") && sent[3].contains("base64"));
}
