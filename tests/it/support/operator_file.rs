//! A configuration file of the operator's, in a folder of its own.

use std::path::PathBuf;

use uuid::Uuid;

/// The file; it goes with the test.
pub struct OperatorFile(PathBuf);

impl OperatorFile {
    /// A file with this text.
    pub fn new(text: &str) -> Self {
        let name = format!("chat-backend-test-{}.toml", Uuid::new_v4());
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    /// Gives it another text.
    pub fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for OperatorFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
