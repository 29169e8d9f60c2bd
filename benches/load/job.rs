//! The settings of a measurement.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;

/// Requests to send.
#[derive(Deserialize)]
pub struct Job {
    /// Where to, as `host:port`.
    address: String,
    /// How many connections, each with one request at a time.
    pub connections: usize,
    /// How long to go on sending, in seconds. Streams are sent once.
    #[serde(default)]
    seconds: f64,
    /// How many requests in all, instead of a time.
    #[serde(default)]
    pub total: Option<usize>,
    /// How many streams are opened per second; 0 is all at once.
    #[serde(default)]
    pub per_second: usize,
    /// Streams are held open until standard input ends.
    #[serde(default)]
    pub hold: bool,
    /// Sent in turn.
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    /// `{n}` in it and in the body becomes the number of the request.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// Reads the first line of standard input.
pub fn read() -> Job {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("standard input");
    serde_json::from_str(&line).expect("a job")
}

impl Job {
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The bytes of the request with this number.
    pub fn request(&self, number: usize) -> Vec<u8> {
        let request = &self.requests[number % self.requests.len()];
        let fill = |text: &str| text.replace("{n}", &number.to_string());
        let body = fill(&request.body);
        let mut text = format!("{} {} HTTP/1.1\r\n", request.method, fill(&request.path));
        let _ = write!(text, "host: {}\r\n", self.address);
        for (name, value) in &request.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(
                text,
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        text.push_str("\r\n");
        text.push_str(&body);
        text.into_bytes()
    }
}
