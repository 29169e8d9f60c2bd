//! Blocks of migrations that are not read, because Rust or SQLite's own words stand in for them.

use aws_lc_rs::digest::{SHA256, digest};

/// A `do` block, function or other statement that the project has in words of its own. If the block
/// changes, so does its digest: then what stands in for it is not taken for it any more.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// The file that it is in.
    pub file: &'static str,
    /// The beginning of the statement, for whoever reads the list.
    pub statement: &'static str,
    /// The first 16 hexadecimal digits of the SHA-256 of the statement.
    pub sha256: &'static str,
    /// What a trigger with this function does, in SQLite's words.
    pub trigger: Option<TriggerBody>,
    /// What a computed column with this function is, in SQLite's words.
    pub computed: Option<&'static str>,
}

/// What a trigger does, in SQLite's words.
#[derive(Clone, Copy, Debug)]
pub struct TriggerBody {
    /// The condition under which it does something; empty for always.
    pub when: &'static str,
    /// Statements on `new` and `old`; empty where another trigger does it all.
    pub statements: &'static str,
}

impl Registration {
    /// Whether it is meant by this statement of this file.
    pub(super) fn stands_for(&self, file: &str, statement: &str) -> bool {
        self.file == file && self.sha256 == sha256(statement)
    }
}

/// The digest of a statement. Line ends do not matter.
pub fn sha256(statement: &str) -> String {
    let digest = digest(&SHA256, statement.replace('\r', "").as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
