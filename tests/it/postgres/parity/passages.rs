//! Passages of files.

use serde_json::{Value, json};

use super::*;

const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A file of the user's, ready.
async fn file(twins: &Twins, number: u32, name: &str) {
    let begin = json!({ "p_id": id(number), "p_upload_id": id(number), "p_name": name,
        "p_quota": 1_000, "p_max_files": 10 });
    twins.call("begin_file", begin).await;
    let finish = json!({ "p_id": id(number), "p_upload_id": id(number), "p_name": name,
        "p_media_type": "text/plain", "p_size": 5, "p_sha256": SHA256, "p_quota": 1_000 });
    assert_eq!(twins.call("finish_file", finish).await["answer"], "stored");
}

fn save(number: u32, name: &str, passages: Value) -> Value {
    let mut save = json!({ "p_file_id": id(number), "p_sha256": SHA256, "p_name": name, "p_version": 1,
        "p_status": "indexed" });
    save["p_passages"] = passages;
    save
}

fn passage(content: &str, words: &str) -> Value {
    json!({ "page": null, "first_line": 1, "last_line": 2, "content": content, "words": words })
}

async fn find(twins: &Twins, words: Value) -> Vec<String> {
    let found = twins.call("search_passages", json!({ "p_words": words })).await;
    let content = |found: &Value| found["content"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(content).collect()
}

#[tokio::test]
async fn passages_are_stored_and_found() {
    let Some(twins) = twins().await else { return };
    file(&twins, 1, "a.txt").await;
    file(&twins, 2, "b.txt").await;
    let unindexed = twins.call("unindexed_files", json!({ "p_version": 1 })).await;
    assert_eq!(unindexed[0]["name"], "b.txt");
    let a = json!([passage("A", "rent due rent month"), passage("B", "rent"), passage("C", "")]);
    assert_eq!(twins.call("save_passages", save(1, "a.txt", a)).await["answer"], "stored");
    let more = (0..10).map(|n| passage(&format!("M{n}"), "month of rain and so on"));
    let more = save(2, "b.txt", more.collect());
    assert_eq!(twins.call("save_passages", more).await["answer"], "stored");
    assert_eq!(twins.call("unindexed_files", json!({ "p_version": 1 })).await, json!([]));
    // The rare word counts for more than the frequent one, the short passage for more than the long one.
    assert_eq!(find(&twins, json!([["due"], ["month"]])).await[0], "A");
    assert_eq!(find(&twins, json!([["rent"]])).await, ["B", "A"]);
    assert_eq!(find(&twins, json!([["rain", "rained"], ["rent"]])).await.len(), 10);
    assert_eq!(find(&twins, json!([["nothing"]])).await, Vec::<String>::new());
    assert_eq!(find(&twins, json!([])).await, Vec::<String>::new());
    for (words, limit) in
        [(json!([["month"]]), 3), (json!([["month"]]), -1), (json!([["month"]]), 99)]
    {
        let arguments = json!({ "p_words": words, "p_limit": limit, "p_file_id": id(2) });
        twins.call("search_passages", arguments).await;
    }
    let elsewhere = json!({ "p_words": [["rent"]], "p_chat_id": id(100) });
    assert_eq!(twins.call("search_passages", elsewhere).await, json!([]));
    // Odd arguments are taken or refused in the same words.
    for words in [
        json!(null),
        json!({ "a": 1 }),
        json!(5),
        json!([5]),
        json!([["rent"], { "a": 1 }]),
        json!([null]),
        json!([[null, 5, true, "rent"]]),
        json!([vec![1; 201]]),
    ] {
        twins.call("search_passages", json!({ "p_words": words })).await;
    }
    let none = json!({ "p_words": [["rent"]], "p_limit": null });
    assert_eq!(twins.call("search_passages", none).await, json!([]));
    twins.call("unindexed_files", json!({ "p_version": 2, "p_limit": null })).await;
    let many: Vec<_> = (0..25).map(|n| json!([format!("w{n}")])).collect();
    assert_eq!(twins.call("search_passages", json!({ "p_words": many })).await["code"], "22023");
    // Other rules, another name.
    let again = twins.call("unindexed_files", json!({ "p_version": 2, "p_limit": 1 })).await;
    assert_eq!(again.as_array().unwrap().len(), 1);
    for wrong in [save(3, "c.txt", json!([])), save(1, "another.txt", json!([]))] {
        assert_eq!(twins.call("save_passages", wrong).await["answer"], "gone");
    }
    // What was there is replaced, and a file without text has none.
    let none = with(save(1, "a.txt", json!([])), json!({ "p_status": "no_text", "p_note": "no" }));
    assert_eq!(twins.call("save_passages", none).await["answer"], "stored");
    assert_eq!(find(&twins, json!([["rent"]])).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_stored_has_bounds() {
    let Some(twins) = twins().await else { return };
    file(&twins, 1, "a.txt").await;
    for (passages, code) in [
        (json!([passage("", "a")]), "23514"),
        (json!([passage("a", "an-id")]), "23514"),
        (json!([passage("a", &"a ".repeat(8_001))]), "23514"),
        (json!([passage(&"a".repeat(4_001), "a")]), "23514"),
        (json!([with(passage("a", "a"), json!({ "page": "abc" }))]), "22P02"),
        (json!([with(passage("a", "a"), json!({ "page": 1.5 }))]), "22P02"),
        (json!([with(passage("a", "a"), json!({ "page": true }))]), "22P02"),
        (json!([with(passage("a", "a"), json!({ "last_line": 2_147_483_648_u32 }))]), "22003"),
        (json!([with(passage("a", "a"), json!({ "page": 0 }))]), "23514"),
        (json!([5]), "23502"),
        (json!({}), "22023"),
        (Value::Array(vec![passage("a", "a"); 2_001]), "22023"),
    ] {
        assert_eq!(twins.call("save_passages", save(1, "a.txt", passages)).await["code"], code);
    }
    let odd = with(save(1, "a.txt", json!([])), json!({ "p_status": "full" }));
    assert_eq!(twins.call("save_passages", odd).await["code"], "22023");
}
