//! A signed-in user and what they do.

use chat_backend::observability::logging::X_REQUEST_ID;
use reqwest::Method;
use serde_json::{Value, json};

use super::{BOUNDARY, Form, Frames, Reply, TestApp};

#[derive(Clone)]
pub struct User {
    pub id: String,
    pub token: String,
    refresh_token: String,
    url: String,
    supabase_url: String,
    anon_key: String,
    http: reqwest::Client,
}

impl User {
    pub fn new(app: &TestApp, session: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&session["user"]["id"]),
            token: text(&session["access_token"]),
            refresh_token: text(&session["refresh_token"]),
            url: app.url.clone(),
            supabase_url: app.supabase_url.clone(),
            anon_key: app.anon_key.clone(),
            http: app.http.clone(),
        }
    }

    /// The same user with a new token.
    pub async fn refreshed(&self, app: &TestApp) -> Self {
        let body = json!({ "refresh_token": self.refresh_token });
        let session = app.auth("/token?grant_type=refresh_token", &body).await.expect(200);
        Self { url: self.url.clone(), ..Self::new(app, &session) }
    }

    /// The same user on another replica.
    pub fn on(&self, app: &TestApp) -> Self {
        Self { url: app.url.clone(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::send(self.request(Method::POST, path).json(&body)).await
    }

    /// A POST without a body.
    pub async fn poke(&self, path: &str) -> Reply {
        Reply::send(self.request(Method::POST, path)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        Reply::send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::send(self.request(Method::DELETE, path)).await
    }

    /// A request to PostgREST, as supabase-js sends it.
    pub async fn rest(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let url = format!("{}/rest/v1{path}", self.supabase_url);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        request = request.header("apikey", &self.anon_key);
        if let Some(body) = body {
            request = request.json(&body).header("prefer", "return=representation");
        }
        Reply::send(request).await
    }

    pub async fn create_chat(&self, title: &str) -> String {
        let chat = self.post("/api/chats/", json!({ "title": title })).await.expect(201);
        chat["id"].as_str().unwrap().to_owned()
    }

    pub async fn add_message(&self, chat: &str, text: &str) -> Value {
        let path = format!("/api/messages/chat/{chat}");
        self.post(&path, json!({ "content": text })).await.expect(201)
    }

    /// The active messages of a chat.
    pub async fn messages(&self, chat: &str) -> Vec<Value> {
        let messages = self.get(&format!("/api/messages/chat/{chat}")).await.expect(200);
        messages.as_array().unwrap().clone()
    }

    /// Sends a message and waits for the whole answer.
    pub async fn ask(&self, chat: &str, text: &str) -> Value {
        self.generate(chat, json!({ "content": text })).await.expect(200)
    }

    pub async fn generate(&self, chat: &str, body: Value) -> Reply {
        self.post(&format!("/api/ai/chat/{chat}/generate"), body).await
    }

    /// Streams an answer.
    pub async fn stream(&self, path: &str, body: Value) -> Frames {
        let request = self.request(Method::POST, path).json(&body);
        Frames::from_response(request.send().await.unwrap())
    }

    /// Streams the answer that is being written.
    pub async fn resume(&self, chat: &str) -> Frames {
        let request = self.request(Method::GET, &format!("/api/ai/chat/{chat}/stream"));
        Frames::from_response(request.send().await.unwrap())
    }

    pub async fn upload(&self, form: Form) -> Reply {
        self.upload_body(form.finished()).await
    }

    pub async fn upload_body(&self, body: impl Into<reqwest::Body>) -> Reply {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.request(Method::POST, "/api/files/").body(body);
        Reply::send(request.header("content-type", content_type)).await
    }

    /// Uploads a file; its row.
    pub async fn add_file(&self, name: &str, media_type: &str, bytes: impl AsRef<[u8]>) -> Value {
        self.upload(Form::file(name, media_type, bytes)).await.expect(201)
    }

    /// What the database has of the user's files, finished or not.
    pub async fn file_rows(&self) -> Vec<Value> {
        let path = "/files?select=id,status,size";
        self.rest(Method::GET, path, None).await.expect(200).as_array().unwrap().clone()
    }

    /// The sizes of the user's objects in Storage.
    pub async fn stored_bytes(&self) -> Vec<u64> {
        let url = format!("{}/storage/v1/object/list/files", self.supabase_url);
        let request = self.http.post(url).bearer_auth(&self.token).header("apikey", &self.anon_key);
        let body = json!({ "prefix": self.id, "limit": 1000 });
        let objects = Reply::send(request.json(&body)).await.expect(200);
        let size = |object: &Value| object["metadata"]["size"].as_u64().unwrap();
        objects.as_array().unwrap().iter().map(size).collect()
    }

    pub async fn usage_logs(&self) -> Vec<Value> {
        let path = "/usage_logs?select=*&order=created_at";
        self.rest(Method::GET, path, None).await.expect(200).as_array().unwrap().clone()
    }

    /// Sends a request id of the caller's own.
    pub async fn get_with_request_id(&self, path: &str, id: &str) -> Reply {
        Reply::send(self.request(Method::GET, path).header(X_REQUEST_ID, id)).await
    }
}
