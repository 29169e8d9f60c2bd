//! Connections after answers that did not wait for the request's body.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{TestApp, User, app};

/// A client's one connection, spoken by hand.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn to(app: &TestApp) -> Self {
        let address = app.url.strip_prefix("http://").unwrap();
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer's head, in lower case; its body is read over.
    async fn answer(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).await.unwrap(), 0, "closed after: {head}");
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        head
    }
}

fn head(request: &str, token: &str, more: &str) -> String {
    format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{more}\r\n\r\n"
    )
}

async fn signed_in() -> (TestApp, User) {
    let app = app().await;
    let alice = app.user("alice").await;
    (app, alice)
}

#[tokio::test]
async fn a_connection_outlives_answers_that_came_before_the_body() {
    let (app, alice) = signed_in().await;
    let json = "content-type: application/json\r\ncontent-length: 2";
    let text = "content-type: text/plain\r\ncontent-length: 2";
    let mut connection = Connection::to(&app).await;
    for _ in 0..5 {
        for (request, token, headers, status) in [
            ("POST /api/chats/", "nonsense", json, "401"),
            ("POST /api/nothing", &*alice.token, json, "404"),
            ("DELETE /api/chats/", &alice.token, json, "405"),
            ("POST /api/chats/", &alice.token, text, "415"),
            ("PATCH /api/chats/nonsense", &alice.token, json, "422"),
        ] {
            connection.send(&head(request, token, headers)).await;
            let answer = connection.answer().await;
            assert!(answer.starts_with(&format!("http/1.1 {status}")), "{answer}");
            assert!(!answer.contains("connection: close"), "{answer}");
            connection.send("{}").await;
        }
    }
    connection.send(&head("GET /api/chats/", &alice.token, "")).await;
    assert!(connection.answer().await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_connection_that_cannot_go_on_is_closed_with_a_word() {
    let (app, alice) = signed_in().await;
    for headers in [
        "content-length: 10000000",
        "transfer-encoding: chunked",
        "content-length: 2\r\nexpect: 100-continue",
    ] {
        let mut connection = Connection::to(&app).await;
        connection.send(&head("POST /api/nothing", &alice.token, headers)).await;
        let answer = connection.answer().await;
        assert!(answer.starts_with("http/1.1 404"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}
