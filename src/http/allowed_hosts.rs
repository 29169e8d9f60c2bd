//! The host names that both listeners accept. Without this check any web page could resolve its own
//! name to this machine (DNS rebinding) and then read what is served here.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{self, HeaderValue, Uri};
use axum::response::Response;
use futures_util::future::{Either, Ready, ready};
use tower::layer::layer_fn;
use tower::{Layer, Service};

use crate::config::{Config, SupabaseConfig};
use crate::http::addresses::Addresses;

/// Allows every name.
const ANY: &str = "*";
/// The maximum length of a DNS name.
const MAX_NAME_BYTES: usize = 253;

/// The names of `ALLOWED_HOSTS`. This machine's own names and the address that a request was sent to are
/// always allowed: no other site has those.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    /// `None` allows every name.
    listed: Option<Arc<[String]>>,
}

impl AllowedHosts {
    /// Where the local Supabase has a public URL, its host is one of them. With a Supabase project every name is allowed unless some are listed, since a proxy in front
    /// passes the site's name on.
    pub fn new(config: &Config) -> Self {
        let mut listed = config.allowed_hosts.clone();
        let mut is_local = false;
        if let SupabaseConfig::Local(local) = &config.supabase {
            is_local = true;
            listed.extend(local.public_url.as_deref().and_then(host));
        }
        let is_open = listed.iter().any(|name| name == ANY) || (listed.is_empty() && !is_local);
        Self { listed: (!is_open).then(|| listed.into()) }
    }

    /// The layer; `refuse` makes a response of a sentence.
    pub fn layer<S>(
        self,
        refuse: fn(&str) -> Response,
    ) -> impl Layer<S, Service = RequireAllowedHost<S>> + Clone {
        layer_fn(move |inner| RequireAllowedHost { hosts: self.clone(), refuse, inner })
    }

    /// Why a request is refused, as a sentence; `None` if it is allowed.
    fn refusal<B>(&self, request: &http::Request<B>) -> Option<String> {
        let listed = self.listed.as_deref()?;
        let server = Addresses::from_extensions(request.extensions()).server;
        let target = request.uri().authority().map(Authority::as_str);
        let headers = request.headers().get_all(HOST).iter();
        let headers = headers.map(|host| HeaderValue::to_str(host).unwrap_or_default());
        let mut is_named = false;
        for host in target.into_iter().chain(headers) {
            is_named = true;
            match name(host) {
                Some(name) if is_own(&name, server) || listed.contains(&name) => {}
                other => return Some(sentence(other)),
            }
        }
        (!is_named).then(|| "The request does not say in Host which server it is for.".to_owned())
    }
}

/// Refuses what is sent to other names.
#[derive(Clone)]
pub struct RequireAllowedHost<S> {
    hosts: AllowedHosts,
    refuse: fn(&str) -> Response,
    inner: S,
}

impl<S> Service<Request> for RequireAllowedHost<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.hosts.refusal(&request) {
            Some(refusal) => Either::Right(ready(Ok((self.refuse)(&refusal)))),
            None => Either::Left(self.inner.call(request)),
        }
    }
}

/// The name in an authority such as `Example.com:8000`, as it is compared.
pub fn name(authority: &str) -> Option<String> {
    let parsed: Authority = authority.parse().ok().filter(|_| !authority.contains('@'))?;
    let name = parsed.host().trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// The name in a URL, as it is compared.
fn host(url: &str) -> Option<String> {
    name(url.parse::<Uri>().ok()?.authority()?.as_str())
}

fn is_own(name: &str, server: IpAddr) -> bool {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match bare.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) => {
            address.is_loopback() || address.is_unspecified() || address == server.to_canonical()
        }
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

fn sentence(name: Option<String>) -> String {
    match name {
        Some(name) => format!(
            "This server does not answer to the name {name}. If it is this server's, its operator \
             has to add it to ALLOWED_HOSTS."
        ),
        None => "The Host of the request is no name of a server; see ALLOWED_HOSTS.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(settings: &'static [(&'static str, &'static str)]) -> AllowedHosts {
        let owned = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        AllowedHosts::new(&Config::from_variables(&owned.collect()).unwrap())
    }

    fn takes(hosts: &AllowedHosts, headers: &[&str]) -> bool {
        let mut request = http::Request::builder().uri("/");
        for host in headers {
            request = request.header(HOST, *host);
        }
        hosts.refusal(&request.body(()).unwrap()).is_none()
    }

    #[test]
    fn locally_this_machine_and_listed_names_are_served() {
        let hosts = hosts(&[("ALLOWED_HOSTS", "My.Example.com, [2001:db8::1]:80,10.0.0.7")]);
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "app.localhost:3000",
            "127.0.0.1:8000",
            "127.9.9.9",
            "[::1]:8000",
            "[::ffff:127.0.0.1]",
            "0.0.0.0:54321",
            "my.example.com:1",
            "[2001:db8::1]",
            "10.0.0.7:8000",
        ] {
            assert!(takes(&hosts, &[host]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "10.0.0.8",
            "[::2]",
            "",
            "evil.example@localhost",
            "localhost@evil.example",
            "my.example.com.evil.example",
            "::1",
        ] {
            assert!(!takes(&hosts, &[host]), "{host}");
        }
        assert!(!takes(&hosts, &[]));
        assert!(!takes(&hosts, &["localhost", "evil.example"]));
    }

    #[test]
    fn the_target_counts_beside_the_header() {
        let request =
            http::Request::builder().uri("http://evil.example/").header(HOST, "localhost");
        assert!(hosts(&[]).refusal(&request.body(()).unwrap()).is_some());
    }

    #[test]
    fn the_address_that_a_request_came_to_is_good() {
        let server = "192.0.2.5".parse().unwrap();
        let request = |host| {
            let addresses = Addresses { client: server, server };
            http::Request::builder().header(HOST, host).extension(addresses).body(()).unwrap()
        };
        assert!(hosts(&[]).refusal(&request("192.0.2.5:8000")).is_none());
        assert!(hosts(&[]).refusal(&request("192.0.2.6:8000")).is_some());
    }

    #[test]
    fn the_public_name_of_the_local_supabase_is_good() {
        let hosts = hosts(&[("SUPABASE_PUBLIC_URL", "https://Chat.example.com/supabase")]);
        assert!(takes(&hosts, &["chat.example.com"]));
        assert!(takes(&hosts, &["localhost:8000"]));
        assert!(!takes(&hosts, &["evil.example"]));
    }

    #[test]
    fn a_real_project_is_open_unless_hosts_are_listed() {
        const URL: (&str, &str) = ("SUPABASE_URL", "https://project.example");
        const KEY: (&str, &str) = ("SUPABASE_ANON_KEY", "sb_publishable_key");
        assert!(takes(&hosts(&[URL, KEY]), &["anything.example"]));
        let listed = hosts(&[URL, KEY, ("ALLOWED_HOSTS", "api.example")]);
        assert!(takes(&listed, &["api.example"]));
        assert!(takes(&listed, &["localhost"]));
        assert!(!takes(&listed, &["anything.example"]));
        assert!(takes(&hosts(&[("ALLOWED_HOSTS", "*")]), &["anything.example"]));
    }
}
