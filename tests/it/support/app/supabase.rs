//! What a test asks of Supabase itself, mostly with the service key: users, rows, and what Storage keeps.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::TestApp;
use crate::support::remote::remote;
use crate::support::{Reply, User};

impl TestApp {
    /// Stores rows as the service role can, which may set every column.
    pub async fn store(&self, table: &str, rows: &serde_json::Value) {
        let url = format!("{}/rest/v1/{table}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.post(url).header("apikey", key).json(rows);
        // Gateways put a new key's token in its place; a legacy key is the token.
        Reply::send(request.bearer_auth(key)).await.expect(201);
    }

    /// Calls a function of the database with the service key.
    pub async fn call_as_service(
        &self,
        function: &str,
        arguments: &serde_json::Value,
    ) -> serde_json::Value {
        let url = format!("{}/rest/v1/rpc/{function}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.post(url).header("apikey", key).bearer_auth(key).json(arguments);
        Reply::send(request).await.expect(200)
    }

    /// A request to Supabase with the service key.
    pub async fn as_service(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Reply {
        let url = format!("{}{path}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.request(method, url).header("apikey", key).bearer_auth(key);
        Reply::send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Gives the bucket of all files a limit of its own.
    pub async fn limit_bucket(&self, bytes: u64) {
        let url = format!("{}/storage/v1/bucket/files", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.put(url).header("apikey", key).bearer_auth(key);
        let limit = json!({ "id": "files", "name": "files", "public": false,
            "file_size_limit": bytes });
        Reply::send(request.json(&limit)).await.expect(200);
    }

    /// Sets what a user's next tokens say of the application's own.
    pub async fn set_app_metadata(&self, user: &User, metadata: serde_json::Value) {
        let path = format!("/users/{}", user.id);
        let body = json!({ "app_metadata": metadata });
        self.administer(Method::PUT, &path, &body).await.expect(200);
    }

    /// How many bytes Storage keeps for the only user with files, object by object.
    pub async fn stored_bytes(&self, user: &User) -> Vec<u64> {
        let mut stored = user.stored_bytes().await;
        stored.sort_unstable();
        if remote().is_none() {
            // The local Supabase's folder has nothing else either.
            let entries = std::fs::read_dir(self.data_dir.join("storage")).unwrap();
            let mut kept: Vec<_> =
                entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
            kept.sort_unstable();
            assert_eq!(kept, stored);
        }
        stored
    }

    /// A new user, signed in.
    pub async fn user(&self, name: &str) -> User {
        let email = format!("{name}-{}@example.com", Uuid::new_v4().simple());
        let mut body = json!({ "email": email, "password": "correct horse" });
        if remote().is_none() {
            let session = self.auth("/signup", &body).await.expect(200);
            return User::new(self, &session);
        }
        // A real project may want an address to be confirmed.
        body["email_confirm"] = json!(true);
        self.administer(Method::POST, "/users", &body).await.expect(200);
        let session = self.auth("/token?grant_type=password", &body).await.expect(200);
        User::new(self, &session)
    }

    /// A new anonymous user.
    pub async fn anonymous_user(&self) -> User {
        let session = self.auth("/signup", &json!({})).await.expect(200);
        User::new(self, &session)
    }

    /// Deletes a user, whose token goes on being good.
    pub async fn delete_user(&self, user: &User) {
        let path = format!("/users/{}", user.id);
        self.administer(Method::DELETE, &path, &json!({})).await.expect(200);
    }

    /// A request to Auth, as supabase-js sends it.
    pub async fn auth(&self, path: &str, body: &serde_json::Value) -> Reply {
        let url = format!("{}/auth/v1{path}", self.supabase_url);
        let request = self.http.post(url).header("apikey", &self.anon_key).json(body);
        Reply::send(request).await
    }

    /// A request to Auth with the service key.
    async fn administer(&self, method: Method, path: &str, body: &serde_json::Value) -> Reply {
        let key = self.service_key.as_deref().unwrap();
        let url = format!("{}/auth/v1/admin{path}", self.supabase_url);
        let request = self.http.request(method, url).header("apikey", key).json(body);
        // Gateways put a new key's token in its place; a legacy key is the token.
        Reply::send(request.bearer_auth(key)).await
    }
}
