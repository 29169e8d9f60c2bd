//! HTTP client for Supabase and nothing else: PostgREST, Auth, Storage.
//!
//! It knows neither axum nor the tables' meaning. Rows come back as the bytes PostgREST sent.

use std::iter;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{AGE, AUTHORIZATION, DATE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::debug;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Project;
use crate::memory::{Charge, Holder, Memory};

mod answer;
mod auth;
mod body;
mod error;
mod page;
mod probe;
mod rest;
mod retry;
mod storage;

use answer::{Answer, Reading};
pub use auth::AuthUser;
pub use body::MAX_ANSWER_BYTES;
pub use error::{SupabaseError, SupabaseErrorKind};
pub use rest::{Query, Rest, Rows};
pub use storage::{Bucket, Download, IDLE, ListedObject};

/// A dead or unreachable Supabase is noticed this fast.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many requests may be under way at once, and how long another one waits for its turn.
const MAX_CONCURRENT: usize = 512;
const MAX_QUEUE_TIME: Duration = Duration::from_secs(2);

/// A Supabase project. Clones share connections.
#[derive(Clone)]
pub struct Supabase {
    inner: Arc<Inner>,
    memory: Memory,
}

struct Inner {
    http: reqwest::Client,
    /// For bytes of files, which take as long as they take.
    transfers: reqwest::Client,
    url: Url,
    public_url: String,
    key: SecretString,
    service_key: Option<SecretString>,
    turns: Semaphore,
    timeout: Duration,
    clock: Clock,
    /// In seconds; `i64::MIN` while it is not known.
    clock_ahead: AtomicI64,
}

/// A user's access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: Arc<SecretString>,
    user_id: Option<Uuid>,
}

impl AccessToken {
    /// Wraps the text after `Bearer`.
    pub fn new(token: &str) -> Self {
        Self { secret: Arc::new(token.into()), user_id: None }
    }

    /// The token of this user, who is charged with what is read with it.
    pub fn of(user_id: Uuid, token: &str) -> Self {
        Self { secret: Arc::new(token.into()), user_id: Some(user_id) }
    }

    /// The token itself.
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// In whose name a request is made.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A signed-in user: row-level security applies.
    User(&'a AccessToken),
    /// The server itself, with the service key: row-level security does not apply.
    Service,
    /// Nobody: only the project key is sent.
    Nobody,
}

impl Caller<'_> {
    /// Who is charged with what is read for this caller.
    fn holder(self) -> Holder {
        match self {
            Self::User(token) => token.user_id.map_or(Holder::Strangers, Holder::User),
            Self::Service | Self::Nobody => Holder::Server,
        }
    }
}

impl Supabase {
    /// A client for `project`; no request takes longer than `timeout`, repeats included. Pauses
    /// between repeats are the clock's.
    pub fn new(project: &Project, timeout: Duration, clock: Clock) -> Result<Self, SupabaseError> {
        let url = Url::parse(&project.url).map_err(|error| {
            SupabaseError::new(SupabaseErrorKind::Refused, format!("{}: {error}", project.url))
        })?;
        let http = client(&url).timeout(timeout).build().map_err(SupabaseError::from_reqwest)?;
        let transfers = client(&url).build().map_err(SupabaseError::from_reqwest)?;
        for key in iter::once(&project.anon_key).chain(&project.service_role_key) {
            sensitive(key.expose_secret())?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                transfers,
                url,
                public_url: project.public_url.clone(),
                key: project.anon_key.clone(),
                service_key: project.service_role_key.clone(),
                turns: Semaphore::new(MAX_CONCURRENT),
                timeout,
                clock,
                clock_ahead: AtomicI64::new(i64::MIN),
            }),
            memory: Memory::new(usize::MAX),
        })
    }

    /// The same project; what it answers counts against this budget.
    pub fn charged_to(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// An account for what is held on this caller's behalf.
    pub fn charge(&self, caller: Caller<'_>) -> Charge {
        self.memory.charge(caller.holder())
    }

    /// Whether requests can be made as [`Caller::Service`].
    pub fn has_service_key(&self) -> bool {
        self.inner.service_key.is_some()
    }

    /// The project as browsers see it, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.inner.public_url
    }

    /// By how many seconds Supabase's clock is ahead of ours, by its last answer.
    pub fn clock_ahead(&self) -> Option<i64> {
        let ahead = self.inner.clock_ahead.load(Ordering::Relaxed);
        (ahead != i64::MIN).then_some(ahead)
    }

    fn compare_clocks(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        // An answer out of a cache is as old as it says.
        let Some(date) = date.filter(|_| !headers.contains_key(AGE)) else { return };
        if let Ok(since_1970) = date.duration_since(SystemTime::UNIX_EPOCH) {
            let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
            let ahead = seconds.saturating_sub(self.inner.clock.unix_seconds());
            self.inner.clock_ahead.store(ahead, Ordering::Relaxed);
        }
    }

    /// PostgREST, in `caller`'s name.
    pub fn rest<'a>(&'a self, caller: Caller<'a>) -> Rest<'a> {
        Rest::new(self, caller)
    }

    /// A bucket of Storage, in `caller`'s name.
    pub fn bucket<'a>(&'a self, bucket: &'static str, caller: Caller<'a>) -> Bucket<'a> {
        Bucket::new(self, caller, bucket)
    }

    /// The address of a path such as `/rest/v1/chats`. Most of it is parsed only once.
    fn address(&self, path: &str) -> Url {
        let mut address = self.inner.url.clone();
        match address.path() {
            "/" => address.set_path(path),
            base => address.set_path(&format!("{base}{path}")),
        }
        address
    }

    fn authorized(
        &self,
        request: RequestBuilder,
        caller: Caller<'_>,
    ) -> Result<RequestBuilder, SupabaseError> {
        let (key, token) = match caller {
            Caller::User(token) => (&self.inner.key, Some(token.expose_secret())),
            Caller::Nobody => (&self.inner.key, legacy_token(&self.inner.key)),
            Caller::Service => {
                let key = self.inner.service_key.as_ref().ok_or_else(|| {
                    SupabaseError::new(SupabaseErrorKind::Refused, "no service key is set")
                })?;
                (key, legacy_token(key))
            }
        };
        let request = request.header("apikey", sensitive(key.expose_secret())?);
        Ok(match token {
            Some(token) => request.header(AUTHORIZATION, sensitive(&format!("Bearer {token}"))?),
            None => request,
        })
    }

    /// Asks until there is an answer that is no error, as often as that is safe and in time.
    /// `request` builds the same request each time.
    async fn ask(
        &self,
        service: Service,
        is_idempotent: bool,
        reading: Reading<'_>,
        request: impl Fn() -> Result<RequestBuilder, SupabaseError>,
    ) -> Result<Answer, SupabaseError> {
        let deadline = Instant::now() + self.inner.timeout;
        let mut repeats = 0;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let failed = match self.send(request()?.timeout(time_left), reading).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => service.error(&answer),
                Err(failed) => failed,
            };
            let pause = retry::pause(&failed, repeats, is_idempotent, fastrand::f64());
            let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
                return Err(failed);
            };
            debug!("asking again in {pause:?}: {failed}");
            self.inner.clock.sleep(pause).await;
            repeats += 1;
        }
    }

    /// Sends a request once and reads the answer, good or bad.
    async fn send(
        &self,
        request: RequestBuilder,
        reading: Reading<'_>,
    ) -> Result<Answer, SupabaseError> {
        let turn = tokio::time::timeout(MAX_QUEUE_TIME, self.inner.turns.acquire()).await;
        let _turn = turn.map_err(|_| {
            SupabaseError::new(SupabaseErrorKind::Overloaded, "too many requests under way")
        })?;
        self.send_at_once(request, reading).await
    }

    /// The same without waiting for a turn.
    async fn send_at_once(
        &self,
        request: RequestBuilder,
        reading: Reading<'_>,
    ) -> Result<Answer, SupabaseError> {
        let response = request.send().await.map_err(SupabaseError::from_reqwest)?;
        self.compare_clocks(response.headers());
        Answer::read(response, reading, self.charge(reading.caller)).await
    }
}

fn client(url: &Url) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(60))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        // Compressing and unpacking costs more than the way between neighbours.
        .no_gzip()
        .user_agent(concat!("chat-backend/", env!("CARGO_PKG_VERSION")));
    // No proxy knows the way to this machine.
    if is_this_machine(url) { client.no_proxy() } else { client }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// A part of Supabase; each words its errors in its own way.
#[derive(Clone, Copy)]
enum Service {
    PostgRest,
    Auth,
}

impl Service {
    fn error(self, answer: &Answer) -> SupabaseError {
        let read = match self {
            Self::PostgRest => SupabaseError::from_postgrest,
            Self::Auth => SupabaseError::from_auth,
        };
        read(answer.status, &answer.body, answer.retry_after)
    }
}

/// Legacy keys are tokens and go into both headers; newer ones only into `apikey`.
fn legacy_token(key: &SecretString) -> Option<&str> {
    Some(key.expose_secret()).filter(|key| !key.starts_with("sb_"))
}

/// A header that is not printed.
fn sensitive(text: &str) -> Result<HeaderValue, SupabaseError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        SupabaseError::new(
            SupabaseErrorKind::Refused,
            "a key or token has characters no header can hold",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
