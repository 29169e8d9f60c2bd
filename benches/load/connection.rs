//! An HTTP/1 connection that does no more than the measurements need.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection with one request at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the body begins, and how it ends.
    head: usize,
    length: Length,
}

#[derive(Clone, Copy)]
enum Length {
    Bytes(usize),
    Chunked,
}

impl Connection {
    pub async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), head: 0, length: Length::Bytes(0) })
    }

    /// Sends a request and reads the head of its response; returns the status.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            self.read().await?;
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return self.parse_head(end + 4);
            }
        }
    }

    fn parse_head(&mut self, end: usize) -> io::Result<u16> {
        self.head = end;
        let text = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start_matches(':').trim().to_owned())
        };
        let length = header("content-length").and_then(|length| length.parse().ok());
        self.length = match length {
            Some(length) => Length::Bytes(length),
            None if header("transfer-encoding").is_some() => Length::Chunked,
            None => Length::Bytes(0),
        };
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other("no status"))
    }

    /// Whether the body has been read to its end.
    pub fn is_whole(&self) -> bool {
        let body = self.body();
        match self.length {
            Length::Bytes(length) => body.len() >= length,
            Length::Chunked => body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    /// What has been read of the body.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.head..]
    }

    /// Forgets all of the body but its last bytes.
    pub fn forget_but(&mut self, bytes: usize) {
        let end = self.buffer.len().saturating_sub(bytes).max(self.head);
        self.buffer.drain(self.head..end);
    }

    /// Reads more of the body.
    pub async fn read(&mut self) -> io::Result<usize> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }

    /// Reads the rest of the body.
    pub async fn read_all(&mut self) -> io::Result<&[u8]> {
        while !self.is_whole() {
            self.read().await?;
        }
        Ok(self.body())
    }
}
