//! Forms with files, written by hand so that tests can break them.

pub const BOUNDARY: &str = "----test-boundary";

/// A form in the making.
#[derive(Clone, Default)]
pub struct Form {
    body: Vec<u8>,
}

impl Form {
    /// One file.
    pub fn file(name: &str, media_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self::default().with_file(name, media_type, bytes)
    }

    pub fn with_file(mut self, name: &str, media_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: {media_type}\r\n\r\n"
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(bytes.as_ref());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    pub fn field(mut self, name: &str, value: &str) -> Self {
        let field = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        self.body.extend_from_slice(field.as_bytes());
        self
    }

    /// Without the last boundary.
    pub fn unfinished(self) -> Vec<u8> {
        self.body
    }

    pub fn finished(mut self) -> Vec<u8> {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body
    }
}
