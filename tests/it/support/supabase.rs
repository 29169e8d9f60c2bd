//! A Supabase that does as it is told, for what the local one cannot do: other keys, outages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Clone)]
pub struct FakeSupabase {
    pub url: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: Mutex<Vec<Value>>,
    /// The id of the user whose token Auth takes for good.
    user: Mutex<Option<String>>,
    is_down: AtomicBool,
    key_requests: AtomicUsize,
    user_requests: AtomicUsize,
    pages: Mutex<Option<VecDeque<Value>>>,
}

impl FakeSupabase {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// The settings of an application on it.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("SUPABASE_URL", &self.url), ("SUPABASE_ANON_KEY", "sb_publishable_test")]
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[Value]) {
        *self.inner.keys.lock().unwrap() = keys.to_vec();
    }

    /// Auth says that every token is this user's.
    pub fn vouch_for(&self, user: Option<&str>) {
        *self.inner.user.lock().unwrap() = user.map(str::to_owned);
    }

    pub fn go_down(&self, is_down: bool) {
        self.inner.is_down.store(is_down, Ordering::SeqCst);
    }

    /// PostgREST answers these, in this order, and then breaks down.
    pub fn will_answer(&self, pages: impl IntoIterator<Item = Value>) {
        *self.inner.pages.lock().unwrap() = Some(pages.into_iter().collect());
    }

    /// How often the keys were fetched.
    pub fn key_requests(&self) -> usize {
        self.inner.key_requests.load(Ordering::SeqCst)
    }

    /// How often Auth was asked about a token.
    pub fn user_requests(&self) -> usize {
        self.inner.user_requests.load(Ordering::SeqCst)
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    match request.uri().path() {
        "/auth/v1/.well-known/jwks.json" => {
            inner.key_requests.fetch_add(1, Ordering::SeqCst);
            if inner.is_down.load(Ordering::SeqCst) {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            let keys = inner.keys.lock().unwrap().clone();
            Json(json!({ "keys": keys })).into_response()
        }
        "/auth/v1/user" => {
            inner.user_requests.fetch_add(1, Ordering::SeqCst);
            match &*inner.user.lock().unwrap() {
                Some(id) => Json(json!({ "id": id, "is_anonymous": false })).into_response(),
                None => StatusCode::FORBIDDEN.into_response(),
            }
        }
        _ => match &mut *inner.pages.lock().unwrap() {
            None => Json(json!([])).into_response(),
            Some(pages) => match pages.pop_front() {
                Some(page) => Json(page).into_response(),
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
        },
    }
}
