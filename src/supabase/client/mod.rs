//! Sends requests to a Supabase project, again where that is safe.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{AGE, AUTHORIZATION, DATE, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Url};
use tokio::time::Instant;
use tracing::debug;

use self::permits::Permits;
use super::answer::{Answer, Reading};
use super::caller::{Caller, ProjectKey};
use super::error::{SupabaseError, SupabaseErrorKind};
use super::retry;
use super::service::Service;
use crate::clock::Clock;
use crate::config::Project;
use crate::memory::{Charge, Memory};
use crate::observability::traces;

mod permits;

/// How fast an unreachable Supabase is noticed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const APIKEY: HeaderName = HeaderName::from_static("apikey");

/// A Supabase project. Clones share connections.
#[derive(Clone)]
pub struct Supabase {
    pub(super) inner: Arc<Inner>,
    memory: Memory,
}

pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    /// Without a timeout, for the contents of files.
    pub(super) transfers: reqwest::Client,
    pub(super) url: Url,
    pub(super) public_url: String,
    key: ProjectKey,
    service_key: Option<ProjectKey>,
    permits: Permits,
    timeout: Duration,
    clock: Clock,
    /// In seconds; `i64::MIN` while it is not known.
    clock_ahead: AtomicI64,
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
        let service_key = project.service_role_key.as_ref().map(ProjectKey::new).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                transfers,
                url,
                public_url: project.public_url.clone(),
                key: ProjectKey::new(&project.anon_key)?,
                service_key,
                permits: Permits::new(),
                timeout,
                clock,
                clock_ahead: AtomicI64::new(i64::MIN),
            }),
            memory: Memory::new(usize::MAX),
        })
    }

    /// Charges responses to this memory budget.
    pub fn charged_to(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// An empty charge of this caller.
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
        // The `Date` of a cached response is old.
        let Some(date) = date.filter(|_| !headers.contains_key(AGE)) else { return };
        if let Ok(since_1970) = date.duration_since(SystemTime::UNIX_EPOCH) {
            let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
            let ahead = seconds.saturating_sub(self.inner.clock.unix_seconds());
            self.inner.clock_ahead.store(ahead, Ordering::Relaxed);
        }
    }

    /// The address of a path such as `/rest/v1/chats`. Most of it is parsed only once.
    pub(super) fn address(&self, path: &str) -> Url {
        let mut address = self.inner.url.clone();
        match address.path() {
            "/" => address.set_path(path),
            base => address.set_path(&format!("{base}{path}")),
        }
        address
    }

    pub(super) fn authorized(
        &self,
        request: RequestBuilder,
        caller: Caller<'_>,
    ) -> Result<RequestBuilder, SupabaseError> {
        let (key, authorization) = match caller {
            Caller::User(token) => (&self.inner.key, Some(token.authorization()?)),
            Caller::Anon => (&self.inner.key, self.inner.key.authorization.clone()),
            Caller::Service => {
                let key = self.inner.service_key.as_ref().ok_or_else(|| {
                    SupabaseError::new(SupabaseErrorKind::Refused, "no service key is set")
                })?;
                (key, key.authorization.clone())
            }
        };
        let request = request.header(APIKEY, key.apikey.clone());
        Ok(match authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        })
    }

    /// Sends a request until it succeeds, as often as that is safe and in time. `request` builds the same
    /// request each time.
    pub(super) async fn ask(
        &self,
        service: Service,
        is_idempotent: bool,
        reading: Reading<'_>,
        request: impl Fn() -> Result<RequestBuilder, SupabaseError>,
    ) -> Result<Answer, SupabaseError> {
        let deadline = Instant::now() + self.inner.timeout;
        let mut repeats = 0;
        let mut may_have_happened = false;
        loop {
            let mut request = request()?;
            if repeats > 0 {
                request = request.timeout(deadline.saturating_duration_since(Instant::now()));
            }
            let failed = match self.send(request, reading).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => service.error(&answer),
                Err(failed) => failed,
            };
            may_have_happened |= failed.may_have_happened();
            let pause = retry::pause(&failed, repeats, is_idempotent, fastrand::f64());
            let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
                return Err(failed.of_several(may_have_happened));
            };
            debug!("asking again in {pause:?}: {failed}");
            self.inner.clock.sleep(pause).await;
            repeats += 1;
        }
    }

    /// Sends a request once and reads the response, successful or not.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        reading: Reading<'_>,
    ) -> Result<Answer, SupabaseError> {
        let _permit = self.inner.permits.acquire(reading.caller.holder()).await?;
        self.send_at_once(request, reading).await
    }

    /// The same without waiting for a permit.
    pub(super) async fn send_at_once(
        &self,
        request: RequestBuilder,
        reading: Reading<'_>,
    ) -> Result<Answer, SupabaseError> {
        let response = traces::send(request).await.map_err(SupabaseError::from_reqwest)?;
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
    let is_plain = url.scheme() == "http";
    // Only HTTP/2, which needs TLS, refuses requests in a way that lets the client repeat them.
    let never = reqwest::retry::never().max_retries_per_request(0);
    let client = if is_plain { client.retry(never) } else { client };
    // No proxy knows the way to this machine.
    let client = if is_this_machine(url) { client.no_proxy() } else { return client };
    // Certificates that nobody shows take milliseconds to read.
    if is_plain { client.tls_certs_only([]) } else { client }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests;
