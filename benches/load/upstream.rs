//! Answers every request with a page of 50 chats and one more, as PostgREST would: the fastest upstream that
//! there can be, so what a server adds to it shows.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

pub async fn run() {
    let chats: Vec<Value> = (0..51).map(|_| chat()).collect();
    let chats = Bytes::from(json!(chats).to_string());
    let answer = move |_: Request| {
        let chats = chats.clone();
        async move { respond(chats) }
    };
    axum::serve(crate::listen().await, Router::new().fallback(answer)).await.expect("served");
}

fn respond(chats: Bytes) -> Response {
    let content_type = (CONTENT_TYPE, "application/json; charset=utf-8");
    ([content_type, (CONTENT_RANGE, "0-50/*")], chats).into_response()
}

fn chat() -> Value {
    json!({
        "id": Uuid::new_v4(), "user_id": Uuid::new_v4(), "title": "A chat about something",
        "model": null, "system_prompt": null, "assistant": null, "is_archived": false, "is_bookmarked": false,
        "metadata": { "color": "blue" }, "last_message_at": "2026-11-22T19:53:31.893152+00:00",
        "created_at": "2026-11-22T19:53:31.893152+00:00",
        "updated_at": "2026-11-22T19:53:31.893152+00:00",
    })
}
