//! `POST /api/account/import`.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::with_proxy;
use crate::support::{BOUNDARY, Form, Reply, User, app};

/// An export in ChatGPT's format, of two conversations.
const CONVERSATIONS: &str = include_str!("../fixtures/chatgpt/conversations.json");

async fn import(user: &User, name: &str, bytes: impl AsRef<[u8]>) -> Reply {
    send(user, Form::file(name, "application/octet-stream", bytes).finished()).await
}

async fn send(user: &User, body: Vec<u8>) -> Reply {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = user.request(Method::POST, "/api/account/import").body(body);
    Reply::send(request.header("content-type", content_type)).await
}

/// An archive, as the export comes in.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn counts(report: &Value) -> [u64; 4] {
    ["chats_imported", "chats_known", "messages_imported", "messages_known"]
        .map(|member| report[member].as_u64().unwrap())
}

#[tokio::test]
async fn conversations_become_chats_once() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let report = import(&alice, "conversations.json", CONVERSATIONS).await.expect(200);
    assert_eq!(counts(&report), [2, 0, 7, 0], "{report}");
    assert_eq!(report["conversations_left_out"], 1);
    assert_eq!(report["left_out_conversations"][0]["reason"], "empty");
    let left_out = report["left_out"].as_array().unwrap();
    let left_out: Vec<_> = left_out.iter().map(|l| (l["what"].as_str(), &l["count"])).collect();
    assert_eq!(
        left_out,
        [
            (Some("attachments"), &json!(1)),
            (Some("hidden_messages"), &json!(1)),
            (Some("tool_messages"), &json!(2)),
        ]
    );
    // Once is enough, from the archive as well.
    let zip = archive(&[
        ("chat.html", b"<html>"),
        ("picture.png", &[0; 100_000]),
        ("conversations.json", CONVERSATIONS.as_bytes()),
        ("user.json", b"{}"),
    ]);
    let report = import(&alice, "export.zip", &zip).await.expect(200);
    assert_eq!(counts(&report), [0, 2, 0, 7], "{report}");
    let files = report["left_out"].as_array().unwrap();
    assert!(files.iter().any(|l| l["what"] == "files" && l["count"] == 3), "{report}");

    let chats = alice.get("/api/chats/").await.expect(200);
    let titles: Vec<_> = chats.as_array().unwrap().iter().map(|chat| &chat["title"]).collect();
    assert_eq!(titles, ["Packing list", "A weekend in Lisbon"]);
    let lisbon = &chats[1];
    assert_eq!(lisbon["created_at"], "2025-03-01T09:00:00+00:00");
    let messages = alice.messages(lisbon["id"].as_str().unwrap()).await;
    let shown: Vec<_> =
        messages.iter().map(|m| (m["role"].as_str(), m["content"].as_str())).collect();
    assert_eq!(
        shown,
        [
            (Some("user"), Some("Where should I stay in Lisbon?")),
            (Some("assistant"), Some("Alfama, if you like old streets.")),
            (Some("user"), Some("And what should I eat?")),
            (Some("assistant"), Some("Sardines, and then a pastel de nata.")),
        ]
    );
    assert_eq!(messages[1]["model"], "gpt-4o");
    let path = format!("/api/messages/{}?include=siblings", messages[1]["id"].as_str().unwrap());
    alice.get(&path).await.expect(200);
    let all = format!(
        "/api/messages/chat/{}?active=any&include=siblings",
        lisbon["id"].as_str().unwrap()
    );
    let all = alice.get(&all).await.expect(200);
    let versions = all.as_array().unwrap().iter().find(|m| m["id"] == messages[1]["id"]).unwrap();
    assert_eq!(versions["sibling_ids"].as_array().unwrap().len(), 2);
    // The conversation goes on here.
    alice.ask(lisbon["id"].as_str().unwrap(), "Thanks!").await;
    assert_eq!(bob.get("/api/chats/").await.expect(200), json!([]));
    // The same export of somebody else is theirs.
    let report = import(&bob, "conversations.json", CONVERSATIONS).await.expect(200);
    assert_eq!(counts(&report), [2, 0, 7, 0], "{report}");
}

#[tokio::test]
async fn a_later_import_goes_on_where_the_chat_does() {
    let app = app().await;
    let alice = app.user("alice").await;
    let export = |nodes: &[(&str, Option<&str>)]| {
        let node = |(name, parent): &(&str, Option<&str>)| {
            let message = json!({ "author": { "role": "user" }, "create_time": 5.0,
                "content": { "content_type": "text", "parts": [name] } });
            ((*name).to_owned(), json!({ "parent": parent, "message": message }))
        };
        let mapping: serde_json::Map<_, _> = nodes.iter().map(node).collect();
        let conversation = json!([{ "id": "c", "create_time": 1.0, "mapping": mapping,
            "current_node": nodes.last().unwrap().0 }]);
        conversation.to_string()
    };
    let shown = async |nodes: &[(&str, Option<&str>)]| {
        import(&alice, "conversations.json", export(nodes)).await.expect(200);
        let chat = alice.get("/api/chats/").await.expect(200)[0]["id"].as_str().unwrap().to_owned();
        let messages = alice.messages(&chat).await;
        let texts = messages.iter().map(|message| message["content"].as_str().unwrap());
        (texts.collect::<Vec<_>>().join(" "), chat)
    };
    let mut nodes = vec![("a", None), ("b", Some("a"))];
    assert_eq!(shown(&nodes).await.0, "a b");
    nodes.push(("c", Some("b")));
    let (texts, chat) = shown(&nodes).await;
    assert_eq!(texts, "a b c");
    // Said here and there: what is shown here stays, and the other is a version.
    let path = format!("/api/messages/chat/{chat}");
    alice.post(&path, json!({ "content": "here" })).await.expect(201);
    nodes.push(("d", Some("c")));
    assert_eq!(shown(&nodes).await.0, "a b c here");
    let here = format!("{path}?include=siblings&order=desc&limit=1");
    let versions = alice.get(&here).await.expect(200)[0]["sibling_ids"].clone();
    let there = versions[0].as_str().unwrap();
    alice.poke(&format!("/api/messages/{there}/select")).await.expect(200);
    assert_eq!(shown(&nodes).await.0, "a b c d");
}

#[tokio::test]
async fn what_is_asked_while_a_chat_is_imported_is_what_it_shows() {
    let app = app().await;
    let (replica, proxy) = with_proxy(&app).await;
    let alice = app.user("alice").await;
    let behind = alice.on(&replica);
    let export = |texts: &[&str]| {
        let node = |(index, text): (usize, &&str)| {
            let parent = index.checked_sub(1).map(|before| texts[before]);
            let message = json!({ "author": { "role": "user" }, "create_time": 5.0,
                "content": { "content_type": "text", "parts": [text] } });
            ((*text).to_owned(), json!({ "parent": parent, "message": message }))
        };
        let mapping: serde_json::Map<_, _> = texts.iter().enumerate().map(node).collect();
        json!([{ "id": "c", "create_time": 1.0, "mapping": mapping,
            "current_node": texts.last().unwrap() }])
        .to_string()
    };
    import(&alice, "conversations.json", export(&["a", "b"])).await.expect(200);
    let chat = alice.get("/api/chats/").await.expect(200)[0]["id"].as_str().unwrap().to_owned();
    proxy.hold("POST", "/rest/v1/messages");
    let importing = import(&behind, "conversations.json", export(&["a", "b", "c", "d"]));
    let asking = async {
        proxy.met_one().await;
        alice.ask(&chat, "Thanks!").await;
        proxy.unblock();
    };
    let (report, ()) = tokio::join!(importing, asking);
    assert_eq!(counts(&report.expect(200)), [0, 1, 2, 2]);
    let shown = alice.messages(&chat).await;
    let texts: Vec<_> = shown.iter().map(|message| &message["content"]).collect();
    assert_eq!(texts[..3], ["a", "b", "Thanks!"], "{texts:?}");
    assert_eq!(texts.len(), 4);
}

#[tokio::test]
async fn an_import_that_breaks_is_finished_by_the_next() {
    let app = app().await;
    let (replica, proxy) = with_proxy(&app).await;
    let alice = app.user("alice").await.on(&replica);
    proxy.block("POST", "/rest/v1/messages");
    assert!(import(&alice, "conversations.json", CONVERSATIONS).await.status >= 500);
    proxy.unblock();
    let report = import(&alice, "conversations.json", CONVERSATIONS).await.expect(200);
    assert_eq!(counts(&report), [1, 1, 7, 0], "{report}");
}

#[tokio::test]
async fn what_is_no_export_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    let whole = archive(&[("conversations.json", CONVERSATIONS.as_bytes())]);
    let mut damaged = whole.clone();
    damaged[100] ^= 0xff;
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("a page", b"<html>".to_vec()),
        ("an object", b"{\"mapping\":{}}".to_vec()),
        ("cut off", CONVERSATIONS.as_bytes()[..CONVERSATIONS.len() / 2].to_vec()),
        ("cut in the archive", whole[..whole.len() / 2].to_vec()),
        ("damaged", damaged),
        ("no list", archive(&[("user.json", b"{}")])),
        ("a list that is none", archive(&[("conversations.json", b"{}")])),
    ] {
        let refused = import(&alice, "export", bytes).await;
        assert_eq!(refused.pointers(), ["/file"], "{what}");
    }
    assert_eq!(import(&alice, "export", "[]").await.expect(200)["chats_imported"], 0);
    let no_form = alice.post("/api/account/import", json!([])).await;
    assert_eq!(no_form.problem(415), "unsupported_media_type");
    let other = Form::default().field("other", "x").finished();
    assert_eq!(send(&alice, other).await.pointers(), ["/file"]);
}

#[tokio::test]
async fn bombs_are_bounded() {
    let app = app().await;
    let alice = app.user("alice").await;
    let ended = |held| held < 1 << 20;
    app.holds(ended).await;
    // One conversation larger than is read, one nested too deep, and one that is fine.
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(17 << 20));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let fine = serde_json::from_str::<Value>(CONVERSATIONS).unwrap()[0].to_string();
    let many = format!("{{\"mapping\":{{\"a\":[{}1]}}}}", "1,".repeat(2_000_000));
    let list = format!("[{large},{deep},{many},{fine}]");
    let zip = archive(&[("../../conversations.json", list.as_bytes())]);
    let report = import(&alice, "export.zip", zip).await.expect(200);
    let reasons = report["left_out_conversations"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons.map(|l| l["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["too_large", "too_deep", "too_large"]);
    assert_eq!(report["chats_imported"], 1, "{report}");
    app.holds(ended).await;
}
