//! An application on a fake Supabase.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{FakeSupabase, Key, Reply, TestApp, User};

/// A route that needs a user and reads once from PostgREST.
const ROUTE: &str = "/api/chats/";

pub struct Project {
    pub app: TestApp,
    pub supabase: FakeSupabase,
    /// The key that its tokens are signed with.
    pub key: Key,
}

/// The claims of a new user's token, for an hour from `now`.
pub fn claims(supabase: &FakeSupabase, now: i64) -> Value {
    json!({
        "sub": Uuid::new_v4(), "aud": "authenticated", "role": "authenticated",
        "iss": format!("{}/auth/v1", supabase.url), "iat": now, "exp": now + 3600,
    })
}

/// An application on a project that publishes one ES256 key.
pub async fn project() -> Project {
    Project::with(&[]).await
}

impl Project {
    /// The same with more settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let supabase = FakeSupabase::start().await;
        let key = Key::es256("first");
        supabase.publish(std::slice::from_ref(&key.jwk));
        let settings = [&supabase.settings(), settings].concat();
        let app = TestApp::with(&settings).await;
        Self { app, supabase, key }
    }

    pub fn now(&self) -> i64 {
        self.app.clock.unix_seconds()
    }

    /// The claims of a new user's token.
    pub fn claims(&self) -> Value {
        claims(&self.supabase, self.now())
    }

    pub fn claims_with(&self, changes: &Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// A token of a new user.
    pub fn token(&self) -> String {
        self.key.sign(&self.claims())
    }

    /// A new user with such a token.
    pub fn user(&self) -> User {
        let claims = self.claims();
        let session = json!({
            "user": { "id": claims["sub"] }, "access_token": self.key.sign(&claims),
            "refresh_token": "none",
        });
        User::new(&self.app, &session)
    }

    pub async fn call(&self, token: &str) -> Reply {
        self.app.get_as(ROUTE, token).await
    }

    pub async fn call_signed(&self, changes: &Value) -> Reply {
        self.call(&self.key.sign(&self.claims_with(changes))).await
    }
}
