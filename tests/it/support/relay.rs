//! A way to a server, byte by byte, that can be cut and remembers what was sent over it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub struct Relay {
    pub port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
    cut: CancellationToken,
}

impl Relay {
    /// A way to this address.
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sent, cut) = (Arc::<Mutex<Vec<u8>>>::default(), CancellationToken::new());
        let (log, ends) = (sent.clone(), cut.clone());
        let serve = async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(ends.clone().run_until_cancelled_owned(pass(
                    client,
                    server,
                    log.clone(),
                )));
            }
        };
        tokio::spawn(cut.clone().run_until_cancelled_owned(serve));
        Self { port, sent, cut }
    }

    /// Ends all connections; there are no new ones.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// What was sent over it, request by request.
    pub fn requests(&self) -> Vec<String> {
        let sent = String::from_utf8(self.sent.lock().unwrap().clone()).unwrap();
        sent.split("POST ").skip(1).map(|request| format!("POST {request}")).collect()
    }
}

async fn pass(client: TcpStream, server: TcpStream, log: Arc<Mutex<Vec<u8>>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from_client.read(&mut piece).await {
            log.lock().unwrap().extend_from_slice(&piece[..length]);
            if to_server.write_all(&piece[..length]).await.is_err() {
                break;
            }
        }
    };
    let back = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = there => {}
        _ = back => {}
    }
}
