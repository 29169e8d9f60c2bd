//! The protocol between host and worker, over pipes.
//!
//! The host sends a request: its length (four bytes, little-endian), JSON, then the files one
//! after the other. A worker sends frames: a byte for the kind, the length, the payload. After the
//! frame of a response come its files. A worker is not trusted: the host bounds what it reads.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::model::{ScriptError, ScriptFile, Status};

/// The worker waits for a request.
pub(super) const READY: u8 = b'w';
/// The script has written to standard output.
pub(super) const STDOUT: u8 = b'o';
/// The script has written to standard error.
pub(super) const STDERR: u8 = b'e';
/// The script has ended.
pub(super) const RESPONSE: u8 = b'r';

/// How long an error's message and traceback may be, each.
pub(super) const MAX_ERROR_BYTES: usize = 16 << 10;

/// One script to run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Box<RawValue>>,
    pub(super) timeout_ms: u64,
    pub(super) memory_bytes: u64,
    pub(super) output_bytes: u64,
    pub(super) files_bytes: u64,
    pub(super) max_files: usize,
    pub(super) files: Vec<FileHeader>,
}

/// How a script ended, as reported by the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Response {
    pub(super) status: Status,
    #[serde(default)]
    pub(super) result: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) error: Option<ScriptError>,
    #[serde(default)]
    pub(super) files: Vec<FileHeader>,
}

/// The name and size of a file whose content follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FileHeader {
    pub(super) name: String,
    pub(super) size: u64,
}

impl FileHeader {
    pub(super) fn from_file(file: &ScriptFile) -> Self {
        Self { name: file.name.clone(), size: file.data.len() as u64 }
    }
}

/// The bytes of a request, without its files.
pub(super) fn encode_request(request: &Request) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(request)?;
    let mut bytes = length(json.len())?.to_vec();
    bytes.extend(json);
    Ok(bytes)
}

/// Reads a request with its files; `None` when the host has disconnected.
pub(super) fn read_request(from: &mut impl Read) -> io::Result<Option<(Request, Vec<ScriptFile>)>> {
    let mut size = [0; 4];
    if let Err(error) = from.read_exact(&mut size) {
        let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
        return if is_end { Ok(None) } else { Err(error) };
    }
    let request: Request = serde_json::from_slice(&read_exactly(from, u32::from_le_bytes(size))?)?;
    let files = request.files.iter().map(|file| {
        let size = u32::try_from(file.size).map_err(io::Error::other)?;
        Ok(ScriptFile { name: file.name.clone(), data: read_exactly(from, size)?.into() })
    });
    let files = files.collect::<io::Result<_>>()?;
    Ok(Some((request, files)))
}

fn read_exactly(from: &mut impl Read, size: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size as usize];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes one frame.
pub(super) fn write_frame(to: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    to.write_all(&[kind])?;
    to.write_all(&length(payload.len())?)?;
    to.write_all(payload)?;
    to.flush()
}

fn length(length: usize) -> io::Result<[u8; 4]> {
    u32::try_from(length).map(u32::to_le_bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let file = ScriptFile { name: "a.csv".into(), data: "a,b\n1,2".into() };
        let sent = Request {
            code: "input".into(),
            input: Some(RawValue::from_string("{\"a\":[1e400]}".into()).unwrap()),
            timeout_ms: 1,
            memory_bytes: 2,
            output_bytes: 3,
            files_bytes: 4,
            max_files: 5,
            files: vec![FileHeader::from_file(&file)],
        };
        let mut bytes = encode_request(&sent).unwrap();
        bytes.extend_from_slice(&file.data);
        let mut bytes = bytes.as_slice();
        let (read, files) = read_request(&mut bytes).unwrap().unwrap();
        assert_eq!(format!("{sent:?}"), format!("{read:?}"));
        assert_eq!(files, [file]);
        assert!(read_request(&mut bytes).unwrap().is_none());
    }

    #[test]
    fn a_request_that_breaks_off_is_an_error() {
        let mut bytes = &[0xff, 0xff, 0, 0, b'{'][..];
        assert!(read_request(&mut bytes).is_err());
    }
}
