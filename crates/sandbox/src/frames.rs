//! Reads the frames of a worker, within limits that do not depend on the worker.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};

use super::model::{Limits, MAX_FILES};
use super::output::Output;
use super::protocol::{RESPONSE, Response, STDERR, STDOUT};
use super::termination::Termination;

pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A worker's response and the files that came with it.
pub(super) type Answer = (Response, Vec<(String, Bytes)>);

/// Reads frames up to the response and its files.
pub(super) async fn read_answer(
    from: &mut BufReader<Reader>,
    limits: &Limits,
    output: &Output,
) -> Result<Answer, Termination> {
    let max_frame = limits.output_bytes + (MAX_FILES * 8192) as u64;
    loop {
        let (kind, payload) = read_frame(from, max_frame).await?;
        match kind {
            STDOUT | STDERR if output.push(kind, &payload) => {}
            STDOUT | STDERR => return Err(Termination::Output),
            RESPONSE => return read_files(from, &payload, limits).await,
            _ => return Err(Termination::Broken),
        }
    }
}

/// Reads one frame: its kind and its payload.
pub(super) async fn read_frame(
    from: &mut BufReader<Reader>,
    max_bytes: u64,
) -> Result<(u8, Vec<u8>), Termination> {
    let kind = from.read_u8().await?;
    let size = from.read_u32_le().await?;
    if u64::from(size) > max_bytes {
        return Err(Termination::Broken);
    }
    let mut payload = vec![0; size as usize];
    from.read_exact(&mut payload).await?;
    Ok((kind, payload))
}

async fn read_files(
    from: &mut BufReader<Reader>,
    response: &[u8],
    limits: &Limits,
) -> Result<Answer, Termination> {
    let response: Response = serde_json::from_slice(response).map_err(|_| Termination::Broken)?;
    let size = response.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
    if size > limits.files_bytes() || response.files.len() > MAX_FILES {
        return Err(Termination::Files);
    }
    let mut files = Vec::new();
    for file in &response.files {
        let mut data = vec![0; usize::try_from(file.size).map_err(|_| Termination::Broken)?];
        from.read_exact(&mut data).await?;
        files.push((file.name.clone(), data.into()));
    }
    Ok((response, files))
}

/// Reads a script's own output; returns when it exceeds the limit.
pub(super) async fn drain(pipes: Option<&mut (Reader, Reader)>, output: &Output) {
    let Some((stdout, stderr)) = pipes else { return std::future::pending().await };
    tokio::select! {
        () = overflow(stdout, STDOUT, output) => {}
        () = overflow(stderr, STDERR, output) => {}
    }
}

async fn overflow(from: &mut Reader, kind: u8, output: &Output) {
    if copy(from, kind, output).await {
        std::future::pending::<()>().await;
    }
}

/// Copies to the end; returns false if the limit was exceeded.
pub(super) async fn copy(from: &mut Reader, kind: u8, output: &Output) -> bool {
    let mut buffer = [0; 16 << 10];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return true,
            Ok(count) if output.push(kind, &buffer[..count]) => {}
            Ok(_) => return false,
        }
    }
}
