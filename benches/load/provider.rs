//! A provider that speaks Chat Completions and streams as its prompt says: `deltas=20 every=50 bytes=24
//! hold=600` are twenty deltas of 24 bytes, one every 50 milliseconds, and then 600 seconds of silence.

use std::io;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Where an answer goes.
pub trait Sink {
    async fn send(&mut self, frames: &str) -> io::Result<()>;
}

pub async fn run() {
    let listener = crate::listen().await;
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(async move {
            // Whoever hangs up has heard enough.
            let _ = serve(stream).await;
        });
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(body) = request(&mut stream, &mut buffer).await? {
        // The buffers of silent streams are not what is measured.
        buffer = Vec::new();
        stream.write_all(HEAD.as_bytes()).await?;
        answer(&body, &mut stream).await?;
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

impl Sink for TcpStream {
    async fn send(&mut self, frames: &str) -> io::Result<()> {
        self.write_all(format!("{:x}\r\n{frames}\r\n", frames.len()).as_bytes()).await
    }
}

/// Streams as the prompt says.
pub async fn answer(prompt: &str, sink: &mut impl Sink) -> io::Result<()> {
    let number = |name: &str, default: u64| number(prompt, name).unwrap_or(default);
    let (deltas, every) = (number("deltas=", 20), Duration::from_millis(number("every=", 0)));
    let bytes = usize::try_from(number("bytes=", 24)).unwrap_or(24);
    let started = Instant::now();
    let mut frames = String::new();
    for delta in 0..deltas {
        if !every.is_zero() {
            sleep_until(started + every * u32::try_from(delta).unwrap_or(0)).await;
        }
        frames.push_str(&frame(&content(bytes)));
        if !every.is_zero() || frames.len() > 8 << 10 || delta + 1 == deltas {
            sink.send(&frames).await?;
            frames.clear();
        }
    }
    sleep(Duration::from_secs(number("hold=", 0))).await;
    sink.send(&end(deltas)).await
}

/// Reads a request and returns its body; `None` when there are no more.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
        let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = number(&text, "content-length: ").and_then(|length| length.try_into().ok());
        let end = head + 4 + length.unwrap_or(0);
        while buffer.len() < end {
            if stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
        return Ok(Some(String::from_utf8_lossy(&buffer[head..end]).into_owned()));
    }
}

/// The last number after this word: the newest prompt is at the end.
fn number(text: &str, word: &str) -> Option<u64> {
    let rest = text.rsplit_once(word)?.1;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// A text of so many bytes with the time.
fn content(bytes: usize) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let stamp = format!("t={};", now.as_micros());
    let words = "lorem ipsum dolor sit amet consectetur ".chars().cycle();
    let rest = words.take(bytes.saturating_sub(stamp.len()));
    stamp.chars().chain(rest).collect()
}

fn frame(content: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

fn end(deltas: u64) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":20,\"completion_tokens\":{deltas},\"total_tokens\":{}}}}}\n\n\
         data: [DONE]\n\n",
        20 + deltas
    )
}
