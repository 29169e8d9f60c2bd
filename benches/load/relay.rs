//! Copies the bytes of each connection to the upstream and back, without looking at them: the least that any server on
//! tokio pays for a stream, one read and one write for each delta.

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

/// `upstream` is an address as `host:port`.
pub async fn run(upstream: String) {
    let listener = crate::listen().await;
    loop {
        let (mut client, _) = listener.accept().await.expect("a connection");
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let mut upstream = TcpStream::connect(upstream).await.expect("the upstream");
            client.set_nodelay(true).expect("a socket");
            // Whoever hangs up has heard enough.
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}
