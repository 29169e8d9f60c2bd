//! The configuration file as it is now: SIGHUP reads it again.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::FileConfig;
use crate::config::ConfigError;

/// The configuration file as it is now. Clones share it.
#[derive(Clone)]
pub struct FileHandle(Arc<Inner>);

struct Inner {
    /// What `CONFIG_FILE` says.
    named: Option<PathBuf>,
    /// What `secrets` may name.
    variables: HashMap<String, String>,
    current: watch::Sender<Arc<FileConfig>>,
}

impl FileHandle {
    /// Reads the file for the first time.
    pub fn open(
        named: Option<PathBuf>,
        variables: &HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let file = FileConfig::read(named.clone(), variables)?;
        Ok(Self::new(named, variables.clone(), file))
    }

    fn new(named: Option<PathBuf>, variables: HashMap<String, String>, file: FileConfig) -> Self {
        let current = watch::Sender::new(Arc::new(file));
        Self(Arc::new(Inner { named, variables, current }))
    }

    /// The file as it is now. Who begins something keeps it to the end.
    pub fn current(&self) -> Arc<FileConfig> {
        self.0.current.borrow().clone()
    }

    /// Tells when there is another.
    pub fn subscribe(&self) -> watch::Receiver<Arc<FileConfig>> {
        self.0.current.subscribe()
    }

    /// Reads the file again. A wrong one, or one that `check` refuses, leaves everything as it is.
    pub fn reload(
        &self,
        check: impl FnOnce(&FileConfig) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let file = FileConfig::read(self.0.named.clone(), &self.0.variables)?;
        check(&file)?;
        self.0.current.send_replace(Arc::new(file));
        Ok(())
    }
}

impl From<FileConfig> for FileHandle {
    fn from(file: FileConfig) -> Self {
        Self::new(file.path.clone(), HashMap::new(), file)
    }
}

impl Default for FileHandle {
    fn default() -> Self {
        FileConfig::default().into()
    }
}

impl fmt::Debug for FileHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileHandle").field(&self.current()).finish()
    }
}
