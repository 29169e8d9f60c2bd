//! The HTTP client for addresses that an operator names. It reaches the Internet by https, and what is private
//! only where host and port are listed; it follows no redirects, keeps no cookies, and asks no proxy of the
//! environment.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Request, Url};
use secrecy::ExposeSecret;

mod address;
mod error;
mod refusals;
mod resolver;
mod response;
mod turns;

pub use error::{EgressError, Refused};
pub use resolver::Lookup;
pub use response::{Body, Response};
pub use turns::Turn;

use refusals::Refusals;
use resolver::{Reach, Resolver, Shared, system_lookup};
use turns::Turns;

use crate::config::file::PrivateHosts;
use crate::config::{Config, SupabaseConfig};
use crate::memory::{Holder, Memory};
use crate::observability::metrics::Metrics;
use crate::observability::traces;

/// How fast an unreachable host is noticed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may rest. Many servers close theirs after five seconds, and of a call that meets the closing
/// nobody knows whether it was made.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The longest head of a response over HTTP/2, in bytes.
const MAX_HEAD: u32 = 32 << 10;

/// What the client may reach.
#[derive(Clone, Default)]
pub struct EgressSettings {
    /// `allow_hosts`.
    pub hosts: PrivateHosts,
    /// The address of the Supabase project, which is listed with any scheme.
    pub supabase: Option<Url>,
    /// `TOOL_PROXY`: what checks the addresses instead. Listed hosts are reached without it.
    pub proxy: Option<Url>,
}

impl EgressSettings {
    /// What the settings and the configuration file say.
    pub fn new(config: &Config) -> Self {
        let supabase = match &config.supabase {
            SupabaseConfig::Project(project) => Url::parse(&project.url).ok(),
            SupabaseConfig::Local(_) => None,
        };
        let proxy = config.tool_proxy.as_ref().and_then(|url| Url::parse(url.expose_secret()).ok());
        Self { hosts: config.file.current().allow_hosts.clone(), supabase, proxy }
    }
}

/// The HTTP client for addresses that an operator names. Clones share connections.
#[derive(Clone)]
pub struct Egress {
    hosts: Arc<PrivateHosts>,
    inner: Arc<Inner>,
}

struct Inner {
    supabase: Option<Url>,
    public: Guarded,
    listed: Guarded,
    private: Guarded,
    refusals: Arc<Refusals>,
    turns: Turns,
    memory: Memory,
}

/// A client that reaches some addresses. It is made when it is needed: it reads the certificates of this machine.
struct Guarded {
    client: OnceLock<Result<Client, EgressError>>,
    proxy: Option<Proxy>,
    resolver: Arc<Resolver>,
}

impl Egress {
    /// A client that charges what it holds to this budget.
    pub fn new(
        settings: EgressSettings,
        memory: Memory,
        metrics: Metrics,
    ) -> Result<Self, EgressError> {
        Self::with_lookup(settings, memory, metrics, &system_lookup())
    }

    /// The same with another way to look names up.
    pub fn with_lookup(
        settings: EgressSettings,
        memory: Memory,
        metrics: Metrics,
        lookup: &Lookup,
    ) -> Result<Self, EgressError> {
        let refusals = Arc::new(Refusals::new(metrics));
        let EgressSettings { hosts, supabase, proxy } = settings;
        let proxy = proxy.map(Proxy::all).transpose();
        let proxy = proxy.map_err(|_| EgressError::Unreachable("TOOL_PROXY".into()))?;
        let [public, listed, private] =
            [(Reach::Public, proxy), (Reach::Listed, None), (Reach::Private, None)].map(
                |(reach, proxy)| {
                    let (lookup, refusals) = (lookup.clone(), refusals.clone());
                    let resolver = Arc::new(Resolver { lookup, reach, refusals });
                    Guarded { client: OnceLock::new(), proxy, resolver }
                },
            );
        let turns = Turns::default();
        let inner = Inner { supabase, public, listed, private, refusals, turns, memory };
        Ok(Self { hosts: Arc::new(hosts), inner: Arc::new(inner) })
    }

    /// The same client, with the hosts of another version of the configuration file.
    pub fn with_hosts(&self, hosts: PrivateHosts) -> Self {
        Self { hosts: Arc::new(hosts), inner: self.inner.clone() }
    }

    /// Whether this address may be asked for, as far as that is known without looking its name up.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.guarded(url).map(drop)
    }

    /// The client that reaches this address and nothing that must not be reached. Whoever uses it bounds
    /// what it reads.
    pub fn client(&self, url: &Url) -> Result<Client, EgressError> {
        self.guarded(url)?.client()
    }

    /// Whether a proxy reaches this address, and looks its name up.
    pub fn is_proxied(&self, url: &Url) -> bool {
        self.guarded(url).is_ok_and(|guarded| guarded.proxy.is_some())
    }

    /// Looks the host up and checks what is found, without a request.
    pub async fn resolve(&self, url: &Url) -> Result<Vec<IpAddr>, EgressError> {
        let guarded = self.guarded(url)?;
        let host = host(url);
        if let Some(literal) = literal(url) {
            return Ok(vec![literal]);
        }
        guarded.resolver.addresses(&host).await
    }

    /// The turn of a request to this address.
    pub async fn turn(&self, holder: Holder, url: &Url) -> Result<Turn, EgressError> {
        self.inner.turns.next(holder, &host(url)).await
    }

    /// Sends a request once, in its turn. Its own timeout holds for the whole response.
    pub async fn send(
        &self,
        holder: Holder,
        mut request: Request,
    ) -> Result<Response, EgressError> {
        traces::inject(request.headers_mut());
        let client = self.client(request.url())?;
        let host = host(request.url());
        let charge = self.inner.memory.charge(holder);
        let turn = self.inner.turns.next(holder, &host).await?;
        match client.execute(request).await {
            Ok(response) => Ok(Response::new(response, host, charge, turn)),
            Err(error) => Err(EgressError::from_reqwest(&error, &host)),
        }
    }

    fn guarded(&self, url: &Url) -> Result<&Guarded, EgressError> {
        let Inner { supabase, public, listed, private, refusals, .. } = &*self.inner;
        let is_named = url.username().is_empty() && url.password().is_none() && url.has_host();
        let is_supabase = supabase.as_ref().is_some_and(|own| own.origin() == url.origin());
        let is_listed = is_supabase || self.hosts.contains(url);
        let guarded = match url.scheme() {
            "https" | "http" if !is_named => return Err(Refused::Address.into()),
            "https" if is_listed => listed,
            "https" => public,
            "http" if is_supabase => listed,
            "http" if is_listed => private,
            "http" => return Err(Refused::Unencrypted(host(url)).into()),
            _ => return Err(Refused::Address.into()),
        };
        if let Some(literal) = literal(url) {
            guarded.resolver.reach.check(&host(url), literal).inspect_err(|_| {
                refusals.add(&host(url), None);
            })?;
        }
        Ok(guarded)
    }
}

impl Guarded {
    fn client(&self) -> Result<Client, EgressError> {
        self.client.get_or_init(|| self.build()).clone()
    }

    fn build(&self) -> Result<Client, EgressError> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .referer(false)
            .http2_max_header_list_size(MAX_HEAD)
            .user_agent(concat!("chat-backend/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        let builder = match &self.proxy {
            // The proxy's own name is looked up as usual.
            Some(proxy) => builder.proxy(proxy.clone()),
            None => builder.dns_resolver(Shared(self.resolver.clone())),
        };
        builder.build().map_err(|error| EgressError::from_reqwest(&error, "The client of tools"))
    }
}

/// The host without the dot of the root.
fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The IP address that stands in the URL, which no resolver sees. URLs have decimal, octal and hexadecimal
/// ones in their usual form.
fn literal(url: &Url) -> Option<IpAddr> {
    host(url).trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests;
