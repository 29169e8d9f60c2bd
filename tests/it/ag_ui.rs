//! AG-UI: what its clients send, and the events that they accept.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Reply, User, app, stage};

const RUN: &str = "/api/ai/ag-ui";

/// A recorded request of one of the clients, with ids that nobody else has.
fn recorded(name: &str) -> Value {
    let own = Uuid::new_v4().simple().to_string();
    let bodies =
        include_str!("fixtures/ag-ui.json").replace("0197c0de-", &format!("{}-", &own[..8]));
    let bodies: Value = serde_json::from_str(&bodies).unwrap();
    bodies[name].clone()
}

/// The events of a run. There is nothing else in the stream.
async fn run_at(user: &User, path: &str, body: &Value) -> Vec<Value> {
    let reply = Reply::send(user.request(Method::POST, path).json(body)).await;
    events(&reply)
}

fn events(reply: &Reply) -> Vec<Value> {
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "text/event-stream"),
        "{}",
        reply.text
    );
    assert!(!reply.text.contains('\r'));
    let events = reply
        .text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap());
    events.collect()
}

async fn run(user: &User, body: &Value) -> Vec<Value> {
    run_at(user, RUN, body).await
}

/// The order that the clients insist on.
#[track_caller]
fn check_order(events: &[Value]) {
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&events[0]), "RUN_STARTED");
    let mut open: Vec<(String, Value)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let kind = kind(event);
        let id = ["messageId", "toolCallId", "stepName"].map(|key| event[key].clone());
        let id = id.into_iter().find(|id| !id.is_null()).unwrap_or_default();
        let block = kind.rsplit_once('_').map_or("", |(block, _)| block).to_owned();
        if kind.ends_with("_START") || kind == "STEP_STARTED" {
            assert!(!open.contains(&(block.clone(), id.clone())), "{event} is open");
            open.push((block, id));
        } else if kind.ends_with("_END") || kind == "STEP_FINISHED" {
            let place = open.iter().position(|other| *other == (block.clone(), id.clone()));
            open.remove(place.unwrap_or_else(|| panic!("{event} was not open")));
        } else if kind.ends_with("_CONTENT") || kind == "TOOL_CALL_ARGS" {
            assert!(open.contains(&(block, id)), "{event} is not open");
        } else if kind == "RUN_FINISHED" {
            assert_eq!(open, [], "at the end");
        }
        assert_eq!(kind == "RUN_FINISHED" || kind == "RUN_ERROR", index == events.len() - 1);
    }
}

fn text(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "TEXT_MESSAGE_CONTENT");
    deltas.map(|event| event["delta"].as_str().unwrap()).collect()
}

fn last<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let found = events.iter().rfind(|event| event["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {events:#?}"))
}

fn question(thread: &str, run: &str, id: &str, text: &str) -> Value {
    json!({ "threadId": thread, "runId": run, "tools": [], "context": [], "state": {},
        "messages": [{ "id": id, "role": "user", "content": text }], "forwardedProps": {} })
}

#[tokio::test]
async fn recorded_requests_of_all_clients_are_answered_and_stored() {
    let app = app().await;
    let alice = app.user("alice").await;
    for name in ["ag-ui 1.0.0", "ag-ui 0.0.59", "copilotkit", "tanstack", "tanstack attachment"] {
        let body = recorded(name);
        let events = run(&alice, &body).await;
        check_order(&events);
        assert_eq!(events[0]["threadId"], body["threadId"], "{name}");
        let end = last(&events, "RUN_FINISHED");
        assert_eq!(
            (&end["threadId"], &end["runId"]),
            (&body["threadId"], &body["runId"]),
            "{name}"
        );
        assert_eq!(end["outcome"], json!({ "type": "success" }), "{name}");
        assert!(end["usage"][0]["totalTokens"].as_u64().unwrap() > 0);
        let id = end["result"]["message_id"].as_str().unwrap();
        let stored = alice.get(&format!("/api/messages/{id}")).await.expect(200);
        assert_eq!(stored["content"], text(&events), "{name}");
        assert_eq!(last(&events, "TEXT_MESSAGE_START")["messageId"], id);
    }
    assert_eq!(alice.usage_logs().await.iter().filter(|log| log["operation"] == "chat").count(), 5);
}

#[tokio::test]
async fn context_and_options_reach_the_model() {
    let stage = stage().await;
    let (sender, answer) = crate::support::live();
    stage.provider.enqueue(answer);
    let text = json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }] });
    sender.send(format!("data: {text}\n\ndata: [DONE]\n\n").into()).unwrap();
    drop(sender);
    let mut body = recorded("ag-ui 1.0.0");
    body["forwardedProps"] = json!({ "temperature": 0.5, "of the page": { "x": 1 } });
    check_order(&run(&stage.alice, &body).await);
    let sent = stage.provider.requests()[0].to_string();
    assert!(sent.contains("page: shop") && sent.contains("0.5"), "{sent}");
}

#[tokio::test]
async fn tools_and_thoughts_keep_the_order_and_come_back_in_a_snapshot() {
    let app = app().await;
    let alice = app.user("alice").await;
    let events = run(&alice, &question("t", "r1", "u1", "/tool")).await;
    check_order(&events);
    let start = last(&events, "TOOL_CALL_START");
    let parent = &events.iter().find(|event| event["type"] == "TEXT_MESSAGE_START").unwrap();
    assert_eq!(start["parentMessageId"], parent["messageId"]);
    let result = last(&events, "TOOL_CALL_RESULT");
    assert!(result["content"].is_string());
    check_order(&run(&alice, &question("t", "r2", "u2", "/reasoning")).await);

    let connect =
        json!({ "threadId": "t", "runId": "c1", "messages": [], "tools": [], "context": [] });
    let path = "/api/ai/copilotkit/agent/default/connect";
    let events = run_at(&alice, path, &connect).await;
    check_order(&events);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]);
    let messages = events[1]["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user", "reasoning", "assistant"]);
    assert_eq!(messages[1]["toolCalls"][0]["id"], messages[2]["toolCallId"]);
    assert_eq!(messages[1]["id"], start["parentMessageId"]);
    // The same without CopilotKit.
    assert_eq!(run(&alice, &connect).await[1], events[1]);
}

#[tokio::test]
async fn the_same_run_is_answered_once_and_another_one_anew() {
    let app = app().await;
    let alice = app.user("alice").await;
    let first = run(&alice, &question("t", "r1", "u1", "Hello")).await;
    let again = run(&alice, &question("t", "r1", "u1", "Hello")).await;
    let id = |events: &[Value]| last(events, "RUN_FINISHED")["result"]["message_id"].clone();
    assert_eq!(id(&again), id(&first));
    assert_eq!(text(&again), text(&first));
    assert_eq!(alice.usage_logs().await.iter().filter(|log| log["operation"] == "chat").count(), 1);
    // The client has cut the answer off its copy.
    let anew = run(&alice, &question("t", "r2", "u1", "Hello")).await;
    assert_ne!(id(&anew), id(&first));
    assert_eq!(alice.usage_logs().await.iter().filter(|log| log["operation"] == "chat").count(), 2);
    let chat = alice.get("/api/chats/").await.expect(200)[0]["id"].as_str().unwrap().to_owned();
    let active: Vec<_> = alice.messages(&chat).await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!((active.len(), &active[1]), (2, &id(&anew)));
}

#[tokio::test]
async fn failures_are_problems_before_the_run_and_its_last_event_after() {
    let app = app().await;
    let alice = app.user("alice").await;
    let refused = alice.post(RUN, question("t", "r1", "u1", "/error")).await;
    assert_eq!(refused.problem(502), "provider_failed");
    let events = run(&alice, &question("t", "r2", "u2", "/error-late")).await;
    check_order(&events);
    let error = last(&events, "RUN_ERROR");
    assert_eq!(error["code"], "provider_failed");
    assert!(error["message"].as_str().unwrap().starts_with("The model provider failed"));
    // The same run again gets the same failure, not another attempt.
    let again = run(&alice, &question("t", "r2", "u2", "/error-late")).await;
    assert_eq!((text(&again), &last(&again, "RUN_ERROR")["code"]), (text(&events), &error["code"]));
    // A client that was cut off has a part of the answer: it is shown all of it in the place of that.
    let cut = json!({ "threadId": "t", "runId": "r3", "messages": [{ "id": "u2", "role": "user" },
        { "role": "assistant", "content": "Th" }] });
    let shown = run(&alice, &cut).await;
    check_order(&shown);
    let last = shown[1]["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["content"], text(&events));
}

#[tokio::test]
async fn a_run_is_stopped_joined_and_restored() {
    let stage = stage().await;
    let (sender, answer) = crate::support::live();
    stage.provider.enqueue(answer);
    let text = json!({ "choices": [{ "delta": { "content": "Hi" } }] });
    sender.send(format!("data: {text}\n\n").into()).unwrap();
    let mut body = question("t", "run-1", "u1", "Hello");
    body["protocolVersion"] = "1.0".into();
    let running = stage.alice.request(Method::POST, RUN).json(&body).send().await.unwrap();
    let restored = stage.alice.get("/api/ai/ag-ui?threadId=t&limit=20").await.expect(200);
    let active = restored["activeRun"]["runId"].as_str().unwrap().to_owned();
    assert_eq!(restored["messages"][0]["parts"], json!([{ "type": "text", "content": "Hello" }]));
    let joined = async |run: &str| {
        let path = format!("/api/ai/ag-ui?offset=-1&runId={run}");
        stage.alice.request(Method::GET, &path).send().await.unwrap()
    };
    let (by_message, by_run) = (joined(&active).await, joined("run-1").await);
    let path = "/api/ai/copilotkit/agent/default/stop/t";
    let stopped = Reply::send(stage.alice.request(Method::POST, path)).await;
    assert_eq!(stopped.expect(200), json!({ "stopped": true }));
    for (response, outcome) in [
        (running, json!({ "type": "cancelled" })),
        (by_message, Value::Null),
        (by_run, Value::Null),
    ] {
        let headers = response.headers().clone();
        let status = response.status().as_u16();
        let reply = Reply { status, headers, text: response.text().await.unwrap() };
        let events = events(&reply);
        check_order(&events);
        assert_eq!(self::text(&events), "Hi");
        assert_eq!(last(&events, "RUN_FINISHED")["outcome"], outcome);
    }
    let restored = stage.alice.get("/api/ai/ag-ui?threadId=t").await.expect(200);
    assert_eq!(restored["activeRun"], Value::Null);
    assert_eq!(restored["messages"][1]["parts"], json!([{ "type": "text", "content": "Hi" }]));
    let bob = stage.app.user("bob").await;
    assert_eq!(bob.get("/api/ai/ag-ui?offset=-1&runId=run-1").await.problem(404), "run_not_found");
    assert_eq!(bob.get("/api/ai/ag-ui?threadId=t").await.expect(200)["messages"], json!([]));
}

/// The tool that recorded requests bring.
fn with_tool(mut body: Value, protocol: &str) -> Value {
    let source = recorded("tool result");
    body["tools"] = source["tools"].clone();
    match protocol {
        "1.0" => body["protocolVersion"] = "1.0".into(),
        "tanstack" => body["data"] = json!({}),
        _ => {}
    }
    body
}

#[tokio::test]
async fn the_clients_tools_are_called_and_their_results_taken() {
    let app = app().await;
    let alice = app.user("alice").await;
    for protocol in ["1.0", "0.0.59", "tanstack"] {
        let text = "/tool getLocation {\"precise\":true}";
        let first = question(protocol, &format!("{protocol}-1"), "u1", text);
        let events = run(&alice, &with_tool(first.clone(), protocol)).await;
        check_order(&events);
        let call = last(&events, "TOOL_CALL_START");
        let id = call["toolCallId"].as_str().unwrap();
        assert!(!events.iter().any(|event| event["type"] == "TOOL_CALL_RESULT"), "{events:#?}");
        let outcome = &last(&events, "RUN_FINISHED")["outcome"];
        match protocol {
            "1.0" => assert_eq!(outcome["pendingToolCallIds"], json!([id])),
            "0.0.59" => assert_eq!(*outcome, json!({ "type": "success" })),
            _ => {
                let interrupt = &outcome["interrupts"][0];
                assert_eq!(interrupt["id"], format!("client_tool_{id}"));
                assert_eq!(interrupt["metadata"]["input"], json!({ "precise": true }));
                let path = format!("/api/ai/ag-ui?threadId={protocol}");
                let restored = alice.get(&path).await.expect(200);
                assert_eq!(restored["interrupts"]["pending"][0]["id"], interrupt["id"]);
            }
        }
        // As the recorded requests have it.
        let mut second = with_tool(first, protocol);
        second["runId"] = format!("{protocol}-2").into();
        let asked = json!({ "id": call["parentMessageId"], "role": "assistant", "toolCalls":
            [{ "id": id, "type": "function", "function": { "name": "getLocation", "arguments": "{}" } }] });
        let result =
            json!({ "id": "t", "role": "tool", "toolCallId": id, "content": "{\"lat\":59}" });
        second["messages"].as_array_mut().unwrap().extend([asked, result]);
        let rest = run(&alice, &second).await;
        check_order(&rest);
        assert!(self::text(&rest).contains("{\"lat\":59}"), "{rest:#?}");
        let message = &last(&rest, "RUN_FINISHED")["result"]["message_id"];
        assert_eq!(*message, last(&events, "RUN_FINISHED")["result"]["message_id"]);
        // A message of its own in the client's list, but not on the server.
        let started = &last(&rest, "TEXT_MESSAGE_START")["messageId"];
        assert!(started.as_str().unwrap().starts_with(&format!("{}:", message.as_str().unwrap())));
        let connect = json!({ "threadId": protocol, "runId": "c", "messages": [] });
        let snapshot = run(&alice, &connect).await;
        let last_message = snapshot[1]["messages"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last_message["id"], *started);
    }
}
