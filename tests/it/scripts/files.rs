//! Scripts on files of the user.

use serde_json::json;

use crate::support::{TestApp, app};

#[tokio::test]
async fn a_script_works_on_the_users_files() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let sales = alice.add_text("sales.csv", "city,amount\nRome,10\nRome,7\n").await;
    let again = alice.add_text("sales.csv", "").await;
    let code = "const [, ...rows] = files.read('sales.csv').trim().split('\\n')\n\
        const sum = rows.reduce((sum, row) => sum + +row.split(',')[1], 0)\n\
        files.write('sum.json', JSON.stringify({ sum }))\n\
        files.list()";
    let run = alice.run_script(json!({ "code": code, "files": [sales, again] })).await;
    assert_eq!(run["result"], json!(["sales (2).csv", "sales.csv", "sum.json"]), "{run}");
    let [file] = &run["files"].as_array().unwrap()[..] else { panic!("{run}") };
    assert_eq!(
        (&file["name"], &file["media_type"]),
        (&json!("sum.json"), &json!("application/json"))
    );
    let url = file["url"].as_str().unwrap();
    assert_eq!(app.http.get(url).send().await.unwrap().text().await.unwrap(), r#"{"sum":17}"#);
    let content = format!("/api/files/{}/content", file["id"].as_str().unwrap());
    assert_eq!(alice.get(&content).await.text, r#"{"sum":17}"#);
    let stored = alice.get(&format!("/api/scripts/runs/{}", run["id"].as_str().unwrap())).await;
    assert_eq!(stored.expect(200)["files"][0]["id"], file["id"]);
    let script = alice.add_text("script.js", "files.list().length").await;
    let run = alice.run_script(json!({ "file_id": script, "files": [sales] })).await;
    assert_eq!(run["result"], 1);
    for body in [json!({ "code": "1", "files": [sales] }), json!({ "file_id": script })] {
        let reply = bob.post("/api/scripts/run", body).await;
        assert_eq!(reply.problem(404), "file_not_found");
    }
    let both = json!({ "code": "1", "file_id": script });
    assert_eq!(alice.post("/api/scripts/run", both).await.pointers(), ["/file_id"]);
}

#[tokio::test]
async fn files_must_fit_the_sandbox_and_the_quota() {
    let settings = [("SCRIPT_MEMORY_BYTES", "33554432"), ("USER_FILE_QUOTA_BYTES", "10000000")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let large = alice.add_text("large.txt", &"x".repeat(9_000_000)).await;
    let body = json!({ "code": "1", "files": [large] });
    assert_eq!(alice.post("/api/scripts/run", body).await.pointers(), ["/files"]);
    let body = json!({ "file_id": large });
    assert_eq!(alice.post("/api/scripts/run", body).await.pointers(), ["/file_id"]);
    let code = "files.write('a.txt', 'x'); files.write('b.txt', 'x'.repeat(2e6));\
        files.write('c.png', Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)); files.write('d.txt', 'x'); 1";
    let run = alice.run_script(json!({ "code": code })).await;
    assert_eq!((&run["status"], &run["error"]["type"]), (&json!("error"), &json!("FilesError")));
    assert!(run["error"]["message"].as_str().unwrap().starts_with("b.txt cannot be kept"), "{run}");
    let kept = run["files"].as_array().unwrap().iter().map(|file| &file["name"]);
    assert_eq!(kept.collect::<Vec<_>>(), ["a.txt", "d.txt"], "what can be kept is kept");
}
