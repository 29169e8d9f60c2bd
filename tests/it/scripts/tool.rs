//! Scripts that a model runs.

use serde_json::{Value, json};

use crate::support::{TestApp, app};

/// The results of the tool calls of an answer.
fn outputs(answer: &Value) -> Vec<&Value> {
    let parts = answer["message"]["parts"].as_array().unwrap();
    parts.iter().filter(|part| part["type"] == "tool-run_script").collect()
}

#[tokio::test]
async fn a_model_can_run_scripts() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Numbers").await;
    let call = |code: &str| {
        let arguments = json!({ "language": "javascript", "code": code });
        json!({ "content": format!("/tool run_script {arguments}"), "tools": ["run_script"] })
    };
    let answer = alice.generate(&chat, call("console.log('hi'); 6 * 7")).await.expect(200);
    let parts = outputs(&answer);
    assert_eq!(parts[0]["state"], "output-available", "{answer}");
    assert_eq!(parts[0]["output"], json!({ "status": "ok", "result": 42, "stdout": "hi\n" }));
    let answer = alice.generate(&chat, call("nothing.there")).await.expect(200);
    let output = &outputs(&answer)[0]["output"];
    assert_eq!(output["error"]["type"], "ReferenceError", "{answer}");
    let runs = alice.get("/api/scripts/runs").await.expect(200);
    assert_eq!(runs.as_array().unwrap().len(), 2);

    // What it writes is seen in the answer, and can be fetched whenever the answer is read.
    let answer =
        alice.generate(&chat, call("files.write('chart.svg', '<svg/>')")).await.expect(200);
    let id = answer["message"]["id"].as_str().unwrap();
    let read = alice.get(&format!("/api/messages/{id}")).await.expect(200);
    let parts = read["parts"].as_array().unwrap();
    let chart =
        parts.iter().find(|part| part["type"] == "file").unwrap_or_else(|| panic!("{read}"));
    assert_eq!(
        (&chart["filename"], &chart["mediaType"]),
        (&json!("chart.svg"), &json!("image/svg+xml"))
    );
    let file = alice.get(&format!("/api/files/{}", chart["file_id"].as_str().unwrap())).await;
    assert_eq!(file.expect(200)["chat_id"], chat.as_str(), "what is made in a chat belongs to it");
    let of_chat = alice.get(&format!("/api/scripts/runs?chat_id={chat}")).await.expect(200);
    assert_eq!(of_chat.as_array().unwrap().len(), 3);
    let bytes = app.http.get(chart["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!((bytes.status().as_u16(), &*bytes.text().await.unwrap()), (200, "<svg/>"));
    // A browser can load it from the stream as well.
    let mut body = call("files.write('chart.svg', '<svg/>')");
    body["stream"] = json!(true);
    let mut frames = alice.stream(&format!("/api/ai/chat/{chat}/generate"), body).await;
    let url = frames.until("file").await["url"].as_str().unwrap().to_owned();
    assert_eq!(app.http.get(url).send().await.unwrap().text().await.unwrap(), "<svg/>");
    frames.until("finish").await;
    let bad = json!({ "content": "/tool run_script {\"code\":1}", "tools": ["run_script"] });
    let answer = alice.generate(&chat, bad).await.expect(200);
    assert_eq!(outputs(&answer)[0]["state"], "output-error", "{answer}");
}

#[tokio::test]
async fn a_stop_ends_the_script_of_a_tool() {
    let app = TestApp::with(&[("SCRIPT_TIMEOUT_MS", "60000")]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Numbers").await;
    let arguments = json!({ "language": "javascript", "code": "for (;;);" });
    let body = json!({ "content": format!("/tool run_script {arguments}"), "tools": ["run_script"],
        "stream": true });
    let mut frames = alice.stream(&format!("/api/ai/chat/{chat}/generate"), body).await;
    frames.until("tool-input-available").await;
    let stopped = alice.poke(&format!("/api/ai/chat/{chat}/stop")).await.expect(200);
    assert_eq!(stopped["status"], "stopped");
    assert_eq!(outputs(&json!({ "message": stopped }))[0]["state"], "output-error");
    frames.until("abort").await;
    assert_eq!(alice.run_script(json!({ "code": "1" })).await["result"], 1);
    let runs = format!("/api/scripts/runs?chat_id={chat}");
    let recorded = async {
        loop {
            let runs = alice.get(&runs).await.expect(200);
            if runs[0].is_object() {
                return runs[0]["status"].clone();
            }
        }
    };
    let recorded = tokio::time::timeout(std::time::Duration::from_secs(20), recorded).await;
    assert_eq!(recorded.expect("the run is recorded"), "cancelled");
}
