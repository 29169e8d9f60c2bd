//! The HTTP clients of a provider. A client has one connection where the provider speaks HTTP/2, and a provider
//! limits how many answers it streams on one connection at once, usually to a hundred. One more would wait,
//! without an error, until another one ends; so answers are spread over several clients.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

use super::connection::{Connection, Way};

/// How many answers share a client. RFC 9113 advises servers to allow no fewer than a hundred; those that
/// were cancelled count until the server knows.
const ANSWERS: usize = 90;

/// The clients of a provider, as many as its answers need.
#[derive(Debug)]
pub(super) struct Clients {
    connection: Connection,
    headers: HeaderMap,
    /// How many answers share one.
    most: usize,
    all: Mutex<Vec<Shared>>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    place: Place,
}

/// The place of an answer on its connection, until it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Place(Arc<()>);

impl Clients {
    /// The clients of `connection`. `headers` are sent with each request.
    pub fn new(connection: Connection, headers: HeaderMap) -> reqwest::Result<Self> {
        // HTTP/2 is agreed on with TLS.
        let may_share = connection.base_url.trim_start().starts_with("https:");
        let most = if may_share { ANSWERS } else { usize::MAX };
        let clients = Self { connection, headers, most, all: Mutex::default() };
        let first = clients.another()?;
        clients.all.lock().unwrap_or_else(PoisonError::into_inner).push(first);
        Ok(clients)
    }

    /// A client for one request, and its place there.
    pub fn get(&self) -> reqwest::Result<(Client, Place)> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let free = all.iter().position(|shared| Arc::strong_count(&shared.place.0) <= self.most);
        let free = match free {
            Some(free) => free,
            None => {
                all.push(self.another()?);
                all.len() - 1
            }
        };
        Ok((all[free].client.clone(), all[free].place.clone()))
    }

    fn another(&self) -> reqwest::Result<Shared> {
        let client = Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .default_headers(self.headers.clone())
            .connect_timeout(self.connection.connect_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .redirect(Policy::none());
        let client = match self.connection.way() {
            Way::Proxy => client,
            Way::Direct => client.no_proxy(),
            // Certificates that nobody shows take milliseconds to read.
            Way::Plain => client.no_proxy().tls_certs_only([]),
        };
        Ok(Shared { client: client.build()?, place: Place(Arc::new(())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_shared_by_no_more_answers_than_providers_allow() {
        let connection = Connection::vendor(None, "https://api.example.com");
        let clients = Clients::new(connection, HeaderMap::new()).unwrap();
        let number = |clients: &Clients| clients.all.lock().unwrap().len();
        let mut answers: Vec<_> = (0..ANSWERS).map(|_| clients.get().unwrap()).collect();
        assert_eq!(number(&clients), 1);
        let other = clients.get().unwrap();
        assert_eq!(number(&clients), 2);
        drop(answers.pop());
        let place = clients.get().unwrap().1;
        assert!(Arc::ptr_eq(&place.0, &answers[0].1.0), "the first one has room again");
        assert!(!Arc::ptr_eq(&place.0, &other.1.0));
        assert_eq!(number(&clients), 2);
    }
}
