//! Replicas that know one another: an answer is followed and stopped there where it is written.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::support::{
    CHECKPOINT_EVERY_MS, Frames, PEER_ANSWER_MS, Proxy, Relay, Stage, TestApp, User, frames,
    pass_on, skipped_on_a_real_supabase, stage, until,
};

const KEY: (&str, &str) = ("SEAL_KEY", "0123456789abcdef0123456789abcdef");
/// No checkpoint but the first: what others know of an answer they have from its owner.
const NEVER: (&str, &str) = (CHECKPOINT_EVERY_MS, "3600000");
const OFTEN: (&str, &str) = (CHECKPOINT_EVERY_MS, "5");

/// Two replicas that know one another, and the way of the second one to Supabase.
struct Pair {
    stage: Stage,
    owner: TestApp,
    other: TestApp,
    proxy: Proxy,
}

async fn pair(settings: &[(&str, &str)]) -> Pair {
    let stage = stage().await;
    let proxy = Proxy::to(&stage.app).await;
    let (first, second) = (TestApp::listener().await, TestApp::listener().await);
    let url =
        |listener: &tokio::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let peers = format!("{},{}", url(&first), url(&second));
    let known = [&[KEY, ("PEERS", peers.as_str())], settings].concat();
    let behind =
        [("SUPABASE_URL", proxy.url.as_str()), ("SUPABASE_PUBLIC_URL", &stage.app.supabase_url)];
    let owner = stage.app.replica_at(first, &known).await;
    let other = stage.app.replica_at(second, &[&known[..], &behind].concat()).await;
    Pair { stage, owner, other, proxy }
}

/// A replica that writes, and one that has these in place of it as peers.
async fn replicas(stage: &Stage, peers: &str, settings: &[(&str, &str)]) -> (TestApp, TestApp) {
    let alone = [&[KEY, ("PEERS", "http://127.0.0.1:9"), OFTEN], settings].concat();
    let owner = stage.app.replica(&alone).await;
    let other = stage.app.replica(&[&alone[..], &[("PEERS", peers)]].concat()).await;
    (owner, other)
}

fn question() -> Value {
    json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" }, "stream": true })
}

async fn ask(stage: &Stage, user: &User, question: &Value) -> Frames {
    user.stream(&stage.path(), question.clone()).await
}

#[tokio::test]
async fn an_answer_is_followed_where_it_is_written() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let Pair { stage, owner, other, proxy } = pair(&[NEVER]).await;
    let (here, there) = (stage.alice.on(&owner), stage.alice.on(&other));
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let question = question();
    let mut written = ask(&stage, &here, &question).await;
    let mut begin = vec![written.next().await.unwrap()];
    while begin.last().unwrap()["type"] != "text-delta" {
        begin.push(written.next().await.unwrap());
    }
    // Nothing of it is saved: it comes from the owner.
    let mut resumed = there.resume(&stage.chat).await;
    let mut sent_again = ask(&stage, &there, &question).await;
    for stream in [&mut resumed, &mut sent_again] {
        assert_eq!(stream.until("text-delta").await["delta"], "Hel");
    }
    let before = proxy.requests();
    voice.say("lo");
    for stream in [&mut resumed, &mut sent_again] {
        assert_eq!(stream.until("text-delta").await["delta"], "lo");
    }
    voice.finish();
    let end = written.rest().await;
    for stream in [resumed, sent_again] {
        assert_eq!(stream.rest().await, end[1..]);
    }
    assert_eq!(proxy.requests(), before, "the database was asked");
}

#[tokio::test]
async fn an_answer_is_stopped_where_it_is_written() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let Pair { stage, owner, other, proxy: _proxy } = pair(&[NEVER]).await;
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut written = ask(&stage, &stage.alice.on(&owner), &question()).await;
    written.until("text-delta").await;
    let stop = format!("/api/ai/chat/{}/stop", stage.chat);
    let stopped = stage.alice.on(&other).poke(&stop).await.expect(200);
    // Nobody but the owner knows the text.
    assert_eq!((&stopped["status"], &stopped["content"]), (&json!("stopped"), &json!("Hello")));
    assert_eq!(written.rest().await.pop().unwrap()["type"], "abort");
}

/// Answers everything in its own way, and remembers what it was asked.
#[derive(Clone)]
struct Impostor {
    url: String,
    asked: Arc<Mutex<Vec<(String, bool)>>>,
    target: Option<(reqwest::Client, String)>,
}

/// A server that answers nonsense, or what the target answers.
async fn impostor(target: Option<(reqwest::Client, String)>) -> Impostor {
    let listener = TestApp::listener().await;
    let url = format!("http://{}", listener.local_addr().unwrap());
    let impostor = Impostor { url, asked: Arc::default(), target };
    let router = Router::new().fallback(answer_as_impostor).with_state(impostor.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    impostor
}

async fn answer_as_impostor(State(impostor): State<Impostor>, request: Request) -> Response {
    let has_token = request.headers().contains_key("authorization");
    impostor.asked.lock().unwrap().push((request.uri().path().to_owned(), has_token));
    if let Some((http, target)) = &impostor.target {
        return pass_on(http, target, request).await;
    }
    let welcome = json!({ "challenge": Uuid::new_v4(), "replica": Uuid::new_v4(), "yes": true,
        "seal": "c2VhbGVk" });
    axum::Json(welcome).into_response()
}

#[tokio::test]
async fn no_token_is_sent_to_what_has_not_proven_itself() {
    let stage = stage().await;
    let settings = [KEY, ("PEERS", "http://127.0.0.1:9"), OFTEN];
    let owner = stage.app.replica(&settings).await;
    let liar = impostor(None).await;
    let relay = impostor(Some((owner.http.clone(), owner.url.clone()))).await;
    let silent = TestApp::listener().await;
    let peers = format!(
        "{},{},http://{},http://127.0.0.1:9",
        liar.url,
        relay.url,
        silent.local_addr().unwrap()
    );
    let stranger = ("SEAL_KEY", "another key of thirty-two bytes.");
    let of_stranger = [("PEERS", owner.url.as_str()), stranger, (PEER_ANSWER_MS, "100")];
    let lied_to = [("PEERS", peers.as_str()), KEY, (PEER_ANSWER_MS, "100")];
    let others = [stage.app.replica(&lied_to).await, stage.app.replica(&of_stranger).await];
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut written = ask(&stage, &stage.alice.on(&owner), &question()).await;
    written.until("text-delta").await;
    let mut streams = Vec::new();
    for other in &others {
        streams.push(stage.alice.on(other).resume(&stage.chat).await);
    }
    voice.finish();
    written.rest().await;
    // It comes from the database all the same.
    for stream in streams {
        assert_eq!(frames(&stream.rest().await)[3], "text-delta Hello");
    }
    for impostor in [liar, relay] {
        let asked = impostor.asked.lock().unwrap().clone();
        assert!(!asked.is_empty());
        assert!(asked.iter().all(|(path, token)| path.ends_with("/hello") && !token), "{asked:?}");
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_way_to_the_owner_breaks() {
    let stage = stage().await;
    let (owner, _) = replicas(&stage, "http://127.0.0.1:9", &[]).await;
    let relay = Relay::to(owner.url.strip_prefix("http://").unwrap().to_owned()).await;
    let peers = format!("http://localhost:{}", relay.port);
    let other = stage.app.replica(&[KEY, ("PEERS", &peers)]).await;
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let mut written = ask(&stage, &stage.alice.on(&owner), &question()).await;
    written.until("text-delta").await;
    let mut followed = stage.alice.on(&other).resume(&stage.chat).await;
    assert_eq!(followed.until("text-delta").await["delta"], "Hel");
    until("it is followed", async || relay.requests().len() == 2).await;
    relay.cut();
    voice.say("lo");
    voice.finish();
    written.rest().await;
    let rest = followed.rest().await;
    assert_eq!(frames(&rest), ["text-delta lo", "text-end", "finish-step", "finish"]);
    // What was sent over it is good for nothing any more.
    let requests = relay.requests();
    assert!(requests[1].starts_with("POST /internal/peers/follow/"), "{requests:?}");
    for request in &requests[..2] {
        assert!(send_raw(&owner, request).await.starts_with("HTTP/1.1 403"), "{request}");
    }
}

/// Sends a request as it is; the answer.
async fn send_raw(app: &TestApp, request: &str) -> String {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn only_replicas_are_let_in() {
    let stage = stage().await;
    let settings = [KEY, ("PEERS", "http://127.0.0.1:9"), ("ALLOWED_HOSTS", "api.example")];
    let owner = stage.app.replica(&settings).await;
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut written = ask(&stage, &stage.alice.on(&owner), &question()).await;
    let message = written.until("start").await["messageId"].as_str().unwrap().to_owned();
    let path = format!("/internal/peers/follow/{}/{message}", stage.chat);
    let there = stage.alice.on(&owner);
    assert_eq!(there.poke(&path).await.problem(403), "peer_refused");
    // A replica has proof in place of a name.
    for (path, code) in [("/internal/peers/hello", 403), ("/api/chats/", 421)] {
        let request = there.request(Method::POST, path).header("host", "10.0.0.7");
        assert_eq!(request.body("{}").send().await.unwrap().status(), code);
    }
    assert_eq!(stage.alice.poke(&path).await.problem(404), "route_not_found");
    drop(voice);
}

#[tokio::test]
async fn peers_need_a_key_that_all_have() {
    let refused = |settings: &[(&str, &str)]| {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        chat_backend::config::Config::from_variables(&settings.collect())
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let peers = ("PEERS", "dns://chat-backend:8000");
    assert!(refused(&[peers]).starts_with("PEERS: needs SEAL_KEY"));
    assert!(refused(&[("SEAL_KEY", "short")]).starts_with("SEAL_KEY: each key needs"));
    assert_eq!(refused(&[peers, KEY]), "");
    for wrong in ["dns://chat-backend", "dns://a:1/b", "chat-backend:8000", "http://a/b"] {
        assert!(refused(&[("PEERS", wrong), KEY]).starts_with("PEERS: "), "{wrong}");
    }
}

/// Replicas with a service key that know one another.
async fn fleet<const COUNT: usize>(stage: &Stage, settings: &[(&str, &str)]) -> [TestApp; COUNT] {
    let mut listeners = Vec::new();
    for _ in 0..COUNT {
        listeners.push(TestApp::listener().await);
    }
    let url =
        |listener: &tokio::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let peers = listeners.iter().map(url).collect::<Vec<_>>().join(",");
    let service_key = ("SUPABASE_SERVICE_ROLE_KEY", stage.app.service_key());
    let settings = [&[KEY, ("PEERS", peers.as_str()), service_key], settings].concat();
    let mut replicas = Vec::new();
    for listener in listeners {
        replicas.push(stage.app.replica_at(listener, &settings).await);
    }
    replicas.try_into().ok().unwrap()
}

#[tokio::test]
async fn an_answer_goes_on_elsewhere_when_its_replica_is_stopped() {
    if skipped_on_a_real_supabase("the service key of the local one") {
        return;
    }
    let stage = stage().await;
    let [first, second, third] = fleet(&stage, &[OFTEN]).await;
    let steps = [stage.chunk_sender(), stage.chunk_sender(), stage.chunk_sender()];
    let [one, two, three] = steps;
    one.say("First. ");
    let mut question = question();
    question["tools"] = json!(["files"]);
    let mut stream = ask(&stage, &stage.alice.on(&first), &question).await;
    let message = stream.until("start").await["messageId"].clone();
    stream.until("text-delta").await;
    // The first of three that are replaced one after the other.
    let first_stops = first.begin_to_stop();
    one.call_tool("a", "files", &json!({ "action": "list" }));
    stream.until("tool-output-available").await;
    two.say("Second. ");
    assert_eq!(stream.until("text-delta").await["delta"], "Second. ");
    // Either may have taken it.
    let (second, third) = if second.running() == 1 { (second, third) } else { (third, second) };
    let second_stops = second.begin_to_stop();
    two.call_tool("b", "files", &json!({ "action": "list" }));
    three.say("Third.");
    while stream.until("text-delta").await["delta"] != "Third." {}
    // Who comes now finds it where it is.
    let mut resumed = stage.alice.on(&second).resume(&stage.chat).await;
    assert_eq!(resumed.until("start").await["messageId"], message);
    three.finish();
    let rest = stream.rest().await;
    assert_eq!(frames(&rest), ["text-end", "finish-step", "finish"]);
    assert_eq!(resumed.rest().await.pop(), rest.last().cloned());
    first_stops.await.unwrap();
    second_stops.await.unwrap();
    let stored = stage.last_message().await;
    assert_eq!((&stored["id"], &stored["status"]), (&message, &json!("complete")));
    assert_eq!(stored["content"], "First. Second. Third.");
    // Each call is asked once, with all that was before, and counts once.
    let asked = stage.provider.requests();
    let turns = |request: &Value| request["messages"].as_array().unwrap().len();
    assert_eq!(asked.iter().map(turns).collect::<Vec<_>>(), [1, 3, 5]);
    let mut tokens: Vec<_> = stage.alice.usage_logs().await;
    tokens.sort_by_key(|log| log["input_tokens"].as_u64());
    let used = |log: &Value| (log["input_tokens"].clone(), log["usage_source"].clone());
    let (whole, last) = ((json!(20), json!("reported")), (json!(10), json!("reported")));
    assert_eq!(tokens.iter().map(used).collect::<Vec<_>>(), [last, whole.clone(), whole]);
    assert_eq!(stored["usage"]["input_tokens"], 50);
    assert_eq!([first.running(), second.running(), third.running()], [0; 3]);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_over_has_the_grace() {
    if skipped_on_a_real_supabase("the service key of the local one") {
        return;
    }
    let stage = stage().await;
    let [first, second] = fleet(&stage, &[OFTEN]).await;
    let (one, two) = (stage.chunk_sender(), stage.chunk_sender());
    one.say("One. ");
    let mut question = question();
    question["tools"] = json!(["files"]);
    let mut stream = ask(&stage, &stage.alice.on(&first), &question).await;
    stream.until("text-delta").await;
    let stopping = [first.begin_to_stop(), second.begin_to_stop()];
    one.call_tool("a", "files", &json!({ "action": "list" }));
    two.say("Two.");
    two.finish();
    assert_eq!(stream.rest().await.pop().unwrap()["type"], "finish");
    for stopped in stopping {
        stopped.await.unwrap();
    }
    let stored = stage.last_message().await;
    assert_eq!((&stored["status"], &stored["content"]), (&json!("complete"), &json!("One. Two.")));
}
