//! Search over the text of files: `/api/files/search`, and the agent's tool `search_files`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, Form, TestApp, User, app, call, says};

const LEASE: &str = "# Lease\n\n## Rent\nThe rent is 900 euros a month.\n\n## Notice\nEither side may end \
                     the lease with three months' notice.\n";

async fn search(user: &User, query: &str) -> Vec<Value> {
    let found = user.get(&format!("/api/files/search?{query}")).await.expect(200);
    assert_eq!(found["unread_files"], json!([]));
    found["passages"].as_array().unwrap().clone()
}

fn titles(found: &[Value]) -> Vec<&str> {
    found.iter().map(|passage| passage["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn passages_are_found_in_uploaded_files() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Flat").await;
    let lease = Form::file("lease.md", "text/markdown", LEASE).field("chat_id", &chat);
    let lease = alice.upload(lease).await.expect(201);
    let rows: String = (0..200).map(|n| format!("{n},street {n},{}\n", 500 + n)).collect();
    alice.add_file("flats.csv", "text/csv", format!("id,address,price\n{rows}")).await;
    alice.add_file("photo.bin", "application/octet-stream", [0_u8, 1, 2]).await;
    let found = search(&alice, "q=What%20are%20the%20notices%20of%20LEASES%3F").await;
    assert_eq!(titles(&found), ["lease.md, lines 1–7"]);
    let passage = &found[0];
    assert_eq!((&passage["file_id"], &passage["page"]), (&lease["id"], &json!(null)));
    assert_eq!((&passage["first_line"], &passage["last_line"]), (&json!(1), &json!(7)));
    assert!(passage["content"].as_str().unwrap().contains("## Notice\nEither side"), "{passage}");
    let found = search(&alice, "q=street+150").await;
    let row = found[0]["content"].as_str().unwrap();
    assert!(row.starts_with("id,address,price\n") && row.contains("150,street 150,650"), "{row}");
    // By the name of the file, and within a chat or a file.
    assert_eq!(search(&alice, "q=flats&limit=1").await[0]["name"], "flats.csv");
    assert_eq!(search(&alice, &format!("q=price+rent&chat_id={chat}")).await.len(), 1);
    let of_lease = lease["id"].as_str().unwrap();
    assert_eq!(search(&alice, &format!("q=price+rent&file_id={of_lease}")).await.len(), 1);
    // What a script writes is found, too.
    let script = json!({ "code": "files.write('sum.txt', 'The kilogram of cherries costs 7')" });
    alice.post("/api/scripts/run", script).await.expect(200);
    assert_eq!(titles(&search(&alice, "q=cherry").await), ["sum.txt, line 1"]);
    let path = format!("/api/files/{of_lease}");
    alice.patch(&path, json!({ "name": "contract.md" })).await.expect(200);
    assert_eq!(titles(&search(&alice, "q=contract").await), ["contract.md, lines 1–7"]);
    alice.delete(&path).await.expect(204);
    assert_eq!(titles(&search(&alice, "q=notice").await), Vec::<&str>::new());
    for (query, pointer) in
        [("q=", "/q"), ("q=!", "/q"), ("q=a&limit=51", "/limit"), ("q=a&limit=0", "/limit")]
    {
        let refused = alice.get(&format!("/api/files/search?{query}")).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}

#[tokio::test]
async fn nobody_finds_or_changes_the_passages_of_others() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let lease = alice.add_file("lease.md", "text/markdown", LEASE).await;
    let mine = bob.add_file("mine.txt", "text/plain", "my notice").await;
    assert_eq!(search(&alice, "q=notice").await.len(), 1);
    assert_eq!(titles(&search(&bob, "q=notice+rent+lease").await), ["mine.txt, line 1"]);
    let lease = lease["id"].as_str().unwrap();
    assert_eq!(search(&bob, &format!("q=notice&file_id={lease}")).await.len(), 0);
    let call = async |name: &str, arguments: Value| {
        bob.rest(Method::POST, &format!("/rpc/{name}"), Some(arguments)).await.expect(200)
    };
    let arguments = json!({ "p_words": [["rent"], ["leas"], [alice.id]] });
    assert_eq!(call("search_passages", arguments).await, json!([]));
    let row = json!({ "content": "Forged", "words": "rent", "first_line": 1, "last_line": 1 });
    let mut save = json!({ "p_file_id": lease, "p_sha256": mine["sha256"], "p_name": "lease.md",
        "p_version": 1, "p_status": "indexed", "p_passages": [row] });
    assert_eq!(call("save_passages", save.clone()).await, json!({ "answer": "gone" }));
    // A word that would make a passage count as somebody else's is refused.
    save["p_file_id"] = mine["id"].clone();
    save["p_name"] = json!("mine.txt");
    save["p_passages"][0]["words"] = json!(format!("rent {}", alice.id));
    bob.rest(Method::POST, "/rpc/save_passages", Some(save)).await.expect(400);
    for table in ["passages", "indexed_files"] {
        let rows = bob.rest(Method::GET, &format!("/{table}"), None).await.expect(200);
        let is_own = |row: &Value| row["user_id"] == bob.id.as_str();
        assert!(rows.as_array().unwrap().iter().all(is_own), "{rows}");
        let path = format!("/{table}?file_id=eq.{lease}");
        let forged = json!({ "file_id": lease, "user_id": alice.id });
        for (method, body) in [
            (Method::POST, Some(forged)),
            (Method::PATCH, Some(json!({ "file_id": lease }))),
            (Method::DELETE, None),
        ] {
            let refused = bob.rest(method, &path, body).await.expect(403);
            assert_eq!(refused["code"], "42501", "{refused}");
        }
    }
    assert!(search(&alice, "q=notice").await[0]["content"].as_str().unwrap().contains("Either"));
}

/// As after a crash, and for files of before there were passages.
#[tokio::test]
async fn files_that_are_not_indexed_are_read_at_the_next_search() {
    let app = app().await;
    let alice = app.user("alice").await;
    alice.add_file("lease.md", "text/markdown", LEASE).await;
    assert_eq!(search(&alice, "q=notice").await.len(), 1);
    for table in ["passages", "indexed_files"] {
        let path = format!("/rest/v1/{table}?user_id=eq.{}", alice.id);
        app.as_service(Method::DELETE, &path, None).await;
    }
    assert_eq!(search(&alice, "q=notice").await.len(), 1);
    // Rules of another version.
    let path = format!("/rest/v1/indexed_files?user_id=eq.{}", alice.id);
    app.as_service(Method::PATCH, &path, Some(json!({ "version": 0 }))).await;
    assert_eq!(search(&alice, "q=notice").await.len(), 1);
    let rows = alice.rest(Method::GET, "/indexed_files", None).await.expect(200);
    assert_ne!(rows[0]["version"], 0);
}

fn searches(id: &str, arguments: &Value) -> Answer {
    call(id, "search_files", arguments)
}

#[tokio::test]
async fn an_answer_names_its_sources() {
    let question = json!({ "query": "notice" });
    let again = json!({ "query": "notice of the lease", "limit": 3 });
    let answers =
        [searches("a", &question), searches("b", &again), says("Three months."), says("Yes.")];
    let provider = FakeProvider::with(answers).await;
    let settings = [("OPENAI_BASE_URL", &*provider.url), ("DEFAULT_MODEL", "openai/any")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let lease = alice.add_file("lease.md", "text/markdown", LEASE).await;
    let chat = alice.create_chat("Flat").await;
    let body = json!({ "content": "How long?", "tools": ["search_files"], "stream": true });
    let path = format!("/api/ai/chat/{chat}/generate");
    let frames = alice.stream(&path, body).await.rest().await;
    let is_source = |part: &&Value| part["type"] == "source-document";
    let id = lease["id"].as_str().unwrap();
    let source = json!({ "type": "source-document", "sourceId": format!("{id}#lines1–7"),
        "mediaType": "text/markdown", "title": "lease.md, lines 1–7", "filename": "lease.md",
        "providerMetadata": { "chat-backend": { "fileId": id, "firstLine": 1, "lastLine": 7 } } });
    let streamed: Vec<_> = frames.iter().filter(is_source).collect();
    assert_eq!(streamed, [&source], "once, although it was found twice");
    let message = alice.messages(&chat).await.pop().unwrap();
    let stored: Vec<_> = message["parts"].as_array().unwrap().iter().filter(is_source).collect();
    assert_eq!(stored, [&source]);
    let read = provider.requests()[1]["messages"].to_string();
    assert!(read.contains("three months' notice") && read.contains("lines 1–7"), "{read}");
    // It stays in the history, which the provider takes, and names it to other clients.
    alice.ask(&chat, "Sure?").await;
    assert_eq!(provider.requests().len(), 4);
}
