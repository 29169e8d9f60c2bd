//! Files in messages: as they are sent, stored, shown, and told to models.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, FakeProvider, Form, PNG, Reply, TestApp, User, app, is_on_a_real_supabase,
};

/// The same file, said to be this wide.
fn wide(width: u32) -> Vec<u8> {
    let mut png = PNG.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png
}

fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

fn picture() -> Value {
    json!({ "type": "file", "mediaType": "image/png", "filename": "cat.png",
            "url": data_url("image/png", PNG) })
}

fn named(file: &Value) -> Value {
    json!({ "type": "file", "mediaType": file["media_type"], "file_id": file["id"] })
}

fn says(text: &str, files: &[Value]) -> Value {
    let text = json!({ "type": "text", "text": text });
    let parts: Vec<_> = [text].into_iter().chain(files.iter().cloned()).collect();
    json!({ "parts": parts })
}

struct Stage {
    app: TestApp,
    provider: FakeProvider,
    alice: User,
    chat: String,
}

/// An application on a provider that answers three times.
async fn stage(variable: &str, model: &str, fixture: &'static str) -> Stage {
    let provider = FakeProvider::with((0..3).map(|_| Answer::Fixture(fixture))).await;
    let settings = [(variable, provider.url.as_str()), ("DEFAULT_MODEL", model)];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    Stage { app, provider, alice, chat }
}

impl Stage {
    async fn openai() -> Self {
        stage("OPENAI_BASE_URL", "gpt-6-sol", "openai-chat/text_stream.sse").await
    }

    async fn anthropic() -> Self {
        stage("ANTHROPIC_BASE_URL", "claude-opus-5-5", "anthropic/text_stream.sse").await
    }

    async fn ask(&self, message: Value) -> Reply {
        self.alice.generate(&self.chat, json!({ "message": message })).await
    }

    /// What the provider was told in its last request's message of that number.
    fn received(&self, message: usize) -> Value {
        self.provider.requests().last().unwrap()["messages"][message]["content"].clone()
    }
}

#[tokio::test]
async fn data_is_stored_as_a_file_and_shown_by_an_address() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/messages/chat/{chat}");
    let mut message = says("Look", &[picture()]);
    message["id"] = json!(Uuid::new_v4());
    let created = alice.post(&path, message.clone()).await.expect(201);
    let part = &created["parts"][1];
    assert_eq!(part["type"], "file");
    assert_eq!((&part["mediaType"], &part["filename"]), (&json!("image/png"), &json!("cat.png")));
    let loads = async |part: &Value| {
        let reply = app.http.get(part["url"].as_str().unwrap()).send().await.unwrap();
        reply.bytes().await.unwrap() == PNG
    };
    assert!(loads(part).await);
    let file = alice.get(&format!("/api/files/{}", part["file_id"].as_str().unwrap())).await;
    assert_eq!(file.expect(200)["chat_id"], chat.as_str());

    let again = alice.post(&path, message).await.expect(200);
    assert_eq!(again["parts"][1]["file_id"], part["file_id"]);
    assert_eq!(alice.file_rows().await.len(), 1, "a repeat stores nothing");
    let query = "/messages?select=parts";
    let stored = alice.rest(reqwest::Method::GET, query, None).await;
    assert!(!stored.text.contains("base64") && !stored.text.contains("token="), "{}", stored.text);

    app.clock.advance(std::time::Duration::from_secs(3_000));
    let id = created["id"].as_str().unwrap();
    let listed = alice.messages(&chat).await.remove(0);
    let one = alice.get(&format!("/api/messages/{id}")).await.expect(200);
    let in_chat = alice.get(&format!("/api/chats/{chat}?include=messages")).await.expect(200);
    for shown in [&listed, &one, &in_chat["messages"][0]] {
        assert!(loads(&shown["parts"][1]).await);
        if !is_on_a_real_supabase() {
            // Within one second it may be the same.
            assert_ne!(shown["parts"][1]["url"], part["url"], "it is made anew at every look");
        }
    }
    let edited = json!({ "parts": [listed["parts"][1], { "type": "text", "text": "See?" }] });
    let edited = alice.patch(&format!("/api/messages/{id}"), edited).await.expect(200);
    assert_eq!(edited["parts"][0]["file_id"], part["file_id"]);
    assert!(loads(&edited["parts"][0]).await);
}

#[tokio::test]
async fn only_files_of_ones_own_can_be_named() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/messages/chat/{chat}");
    let (own, bobs) = (
        alice.add_file("a.png", "image/png", PNG).await,
        bob.add_file("b.png", "image/png", PNG).await,
    );
    let by_url = |url: &str| json!({ "type": "file", "mediaType": "image/png", "url": url });
    let own_content = format!("/api/files/{}/content", own["id"].as_str().unwrap());
    for part in [named(&own), by_url(own["url"].as_str().unwrap()), by_url(&own_content)] {
        let message = alice.post(&path, says("", &[part])).await.expect(201);
        assert_eq!(message["parts"][1]["file_id"], own["id"]);
    }
    for (part, pointer) in [
        (named(&bobs), "/parts/1"),
        (by_url(bobs["url"].as_str().unwrap()), "/parts/1/url"),
        (by_url("https://example.com/cat.png"), "/parts/1/url"),
        (by_url("file:///etc/passwd"), "/parts/1/url"),
        (by_url("data:image/png;base64,%%%"), "/parts/1/url"),
        (by_url(&data_url("image/png", b"<html>")), "/parts/1/mediaType"),
        (json!({ "type": "file", "file_id": 7 }), "/parts/1/file_id"),
        (json!({ "type": "file", "mediaType": "image/png" }), "/parts/1/url"),
        (json!({ "type": "file", "file_id": Uuid::new_v4() }), "/parts/1"),
    ] {
        for reply in [
            alice.post(&path, says("Look", std::slice::from_ref(&part))).await,
            alice.generate(&chat, says_in_message(&part)).await,
        ] {
            let found = reply.pointers().remove(0);
            assert_eq!(found.trim_start_matches("/message"), pointer, "{part}");
        }
    }
    assert_eq!((alice.messages(&chat).await.len(), alice.file_rows().await.len()), (3, 1));
    let reply = bob.post(&path, says("Mine", &[picture()])).await;
    assert_eq!(reply.problem(404), "chat_not_found");
    let reply = bob.generate(&chat, json!({ "message": says("Mine", &[picture()]) })).await;
    assert_eq!(reply.problem(404), "chat_not_found");
    assert_eq!(bob.file_rows().await.len(), 1, "what was refused is not stored");
}

fn says_in_message(part: &Value) -> Value {
    json!({ "message": says("Look", std::slice::from_ref(part)) })
}

#[tokio::test]
async fn models_are_shown_pictures_texts_and_pdf_files() {
    let openai = Stage::openai().await;
    let csv = openai.alice.add_file("a.csv", "text/csv", "city,people\nRome,1\n").await;
    let pdf = openai.alice.add_file("a.pdf", "application/pdf", "%PDF-1.7 hello").await;
    let message = says("Look", &[picture(), named(&csv), named(&pdf)]);
    let answer = openai.ask(message.clone()).await.expect(200);
    assert!(answer["user_message"]["parts"][1]["url"].as_str().unwrap().starts_with("http"));
    let received = openai.received(0);
    assert_eq!(received[1]["image_url"]["url"], data_url("image/png", PNG));
    let text = received[2]["text"].as_str().unwrap();
    assert!(text.contains("a.csv") && text.contains("Rome,1"), "{text}");
    let file = &received[3]["file"];
    assert_eq!(file["file_data"], data_url("application/pdf", b"%PDF-1.7 hello"));

    let anthropic = Stage::anthropic().await;
    let csv = anthropic.alice.add_file("a.csv", "text/csv", "city,people\nRome,1\n").await;
    let pdf = anthropic.alice.add_file("a.pdf", "application/pdf", "%PDF-1.7 hello").await;
    anthropic.ask(says("Look", &[picture(), named(&csv), named(&pdf)])).await.expect(200);
    let received = anthropic.received(0);
    assert_eq!(received[1]["source"]["data"], STANDARD.encode(PNG));
    assert_eq!(received[2]["source"]["data"], "city,people\nRome,1\n");
    assert_eq!(received[3]["source"]["media_type"], "application/pdf");
}

#[tokio::test]
async fn stateless_requests_bring_files_that_are_not_stored() {
    let stage = Stage::openai().await;
    let csv = stage.alice.add_file("a.csv", "text/csv", "city,people\nRome,1\n").await;
    let parts = [json!({ "type": "text", "text": "Look" }), picture(), named(&csv)];
    let body = json!({ "messages": [{ "role": "user", "content": parts }] });
    stage.alice.post("/api/ai/generate", body).await.expect(200);
    let received = stage.received(0);
    assert_eq!(received[0]["text"], "Look");
    assert_eq!(received[1]["image_url"]["url"], data_url("image/png", PNG));
    assert!(received[2]["text"].as_str().unwrap().contains("Rome,1"));
    assert_eq!(stage.alice.file_rows().await.len(), 1);
}

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
        let provider = FakeProvider::with(vec![
            Answer::Json(400, refusal),
            Answer::Fixture(fixture),
            Answer::Fixture(fixture),
        ])
        .await;
        let app = TestApp::with(&[(variable, &*provider.url), ("DEFAULT_MODEL", model)]).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Trip").await;
        let stage = Stage { app, provider, alice, chat };
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
        let provider = FakeProvider::with(vec![
            Answer::Fixture(fixture),
            Answer::Json(status, refusal),
            Answer::Fixture(fixture),
            Answer::Fixture(fixture),
        ])
        .await;
        let app = TestApp::with(&[(variable, &*provider.url), ("DEFAULT_MODEL", model)]).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Trip").await;
        let stage = Stage { app, provider, alice, chat };
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
    let provider = FakeProvider::with(answers).await;
    let app = TestApp::with(&[(variable, &*provider.url), ("DEFAULT_MODEL", model)]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let stage = Stage { app, provider, alice, chat };
    stage.ask(says("Look", &[picture()])).await.expect(200);
    assert!(stage.ask(json!({ "content": "And?" })).await.status >= 400);
    stage.ask(json!({ "content": "And now?" })).await.expect(200);
    let sent: Vec<_> = stage.provider.requests().iter().map(ToString::to_string).collect();
    assert_eq!(sent.len(), 4);
    assert!(!sent[2].contains("base64") && sent[3].contains("base64"));
}

#[tokio::test]
async fn what_is_gone_from_the_history_is_only_named() {
    let stage = Stage::openai().await;
    let file = stage.alice.add_file("notes.md", "text/markdown", "# Rome").await;
    stage.ask(says("Read this", &[named(&file)])).await.expect(200);
    assert!(stage.received(0).to_string().contains("# Rome"));
    stage.ask(json!({ "content": "And?" })).await.expect(200);
    assert!(stage.received(0).to_string().contains("# Rome"), "it is still shown");
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    assert_eq!(stage.alice.delete(&path).await.status, 204);
    stage.ask(json!({ "content": "And now?" })).await.expect(200);
    let received = stage.received(0).to_string();
    assert!(received.contains("[file: notes.md]") && !received.contains("# Rome"), "{received}");
    drop(stage.app);
}

#[tokio::test]
async fn long_texts_are_cut_where_one_can_see_it() {
    let stage = Stage::anthropic().await;
    let long = "é".repeat(300_000);
    let file = stage.alice.add_file("long.txt", "text/plain", &long).await;
    stage.ask(says("Read this", &[named(&file)])).await.expect(200);
    let received = stage.received(0);
    let received = received[1]["source"]["data"].as_str().unwrap();
    let (shown, note) = received.split_once('\n').unwrap();
    assert!(shown.len() < long.len() && long.starts_with(shown));
    let first = shown.len();
    assert_eq!(note, format!("[… cut here: the first {first} of 600000 bytes are shown]"));
}

#[tokio::test]
async fn the_agent_lists_reads_and_writes() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let bob = app.user("bob").await;
    let secret = bob.add_file("secret.txt", "text/plain", "secret").await;
    alice.add_file("cities.csv", "text/csv", "Rome\nParis\n").await;
    alice.add_file("cat.png", "image/png", PNG).await;
    let call = async |arguments: Value| {
        let content = format!("/tool files {arguments}");
        let body = json!({ "content": content, "tools": ["files"] });
        let answer = alice.generate(&chat, body).await.expect(200);
        let parts = answer["message"]["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["type"] == "tool-files").unwrap()
    };
    let listed = call(json!({ "action": "list" })).await["output"].clone();
    assert_eq!(listed["files"][0]["name"], "cat.png");
    assert_eq!(listed["files"].as_array().unwrap().len(), 2);
    let read = call(json!({ "action": "read", "name": "cities.csv" })).await["output"].clone();
    assert_eq!(read["content"], "Rome\nParis\n");
    let utf16: Vec<u8> = "\u{feff}Größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    alice.add_file("size.txt", "text/plain", utf16).await;
    let read = call(json!({ "action": "read", "name": "size.txt" })).await["output"].clone();
    assert_eq!(read["content"], "Größe");
    assert!(read["note"].as_str().unwrap().contains("UTF-16"), "{read}");
    let note = json!({ "action": "write", "name": "notes.md", "content": "# Rome" });
    let written = call(note).await["output"].clone();
    let path = format!("/api/files/{}/content", written["file_id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.text, "# Rome");
    let file = alice.get(path.trim_end_matches("/content")).await.expect(200);
    assert_eq!(file["chat_id"], chat.as_str());
    for arguments in [
        json!({ "action": "read", "name": "cat.png" }),
        json!({ "action": "read", "file_id": secret["id"] }),
        json!({ "action": "read" }),
        json!({ "action": "erase" }),
    ] {
        let failed = call(arguments).await;
        assert_eq!(failed["state"], "output-error", "{failed}");
        assert!(!failed["errorText"].as_str().unwrap().is_empty());
    }
}
