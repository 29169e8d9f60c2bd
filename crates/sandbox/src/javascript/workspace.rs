//! The files of one script, in memory. A name may lead through folders; there are no links.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::ScriptFile;
use crate::protocol::Request;

const MAX_NAME_BYTES: usize = 255;

/// The content of `/files`.
pub(super) struct Workspace {
    files: BTreeMap<String, Content>,
    max_bytes: u64,
    max_files: usize,
}

struct Content {
    data: Bytes,
    is_new: bool,
}

impl Workspace {
    pub(super) fn new(files: Vec<ScriptFile>, request: &Request) -> Self {
        let content = |file: ScriptFile| (file.name, Content { data: file.data, is_new: false });
        Self {
            files: files.into_iter().map(content).collect(),
            max_bytes: request.files_bytes,
            max_files: request.max_files,
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    pub(super) fn read(&self, name: &str) -> Result<Bytes, String> {
        let name = validate_name(name)?;
        let content = self.files.get(name).ok_or_else(|| format!("There is no file {name}"))?;
        Ok(content.data.clone())
    }

    pub(super) fn write(&mut self, name: &str, data: Vec<u8>) -> Result<(), String> {
        let name = validate_name(name)?;
        let others = self.files.iter().filter(|(other, _)| *other != name);
        let (count, bytes) = others
            .fold((0, 0), |(count, bytes), (_, file)| (count + 1, bytes + file.data.len() as u64));
        if count >= self.max_files {
            return Err(format!("A script may have at most {} files", self.max_files));
        }
        if bytes + data.len() as u64 > self.max_bytes {
            return Err(format!("A script's files may take at most {} bytes", self.max_bytes));
        }
        self.files.insert(name.to_owned(), Content { data: data.into(), is_new: true });
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), String> {
        let name = validate_name(name)?;
        self.files.remove(name).map(|_| ()).ok_or_else(|| format!("There is no file {name}"))
    }

    /// The files that were written.
    pub(super) fn changed(&self) -> Vec<ScriptFile> {
        let changed = self.files.iter().filter(|(_, content)| content.is_new);
        changed
            .map(|(name, content)| ScriptFile { name: name.clone(), data: content.data.clone() })
            .collect()
    }
}

/// The name without the prefix `/files/`, if it has one.
fn validate_name(name: &str) -> Result<&str, String> {
    let plain = name.strip_prefix("/files/").unwrap_or(name);
    let is_bad = plain.len() > MAX_NAME_BYTES
        || plain.split('/').any(|step| matches!(step, "" | "." | ".."))
        || plain.contains('\\')
        || plain.chars().any(char::is_control);
    if is_bad {
        Err("A file's name must be 1 to 255 bytes and stay within /files".into())
    } else {
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        let files = BTreeMap::from([(
            "a".to_owned(),
            Content { data: Bytes::from_static(b"12345"), is_new: false },
        )]);
        Workspace { files, max_bytes: 10, max_files: 2 }
    }

    #[test]
    fn what_is_written_is_what_has_changed() {
        let mut files = workspace();
        assert_eq!(files.changed(), []);
        files.write("out/c", Vec::new()).unwrap();
        files.remove("/files/out/c").unwrap();
        files.write("/files/b", b"67890".to_vec()).unwrap();
        assert_eq!(files.read("b").unwrap(), "67890");
        assert_eq!(files.names(), ["a", "b"]);
        assert_eq!(files.changed().len(), 1);
        files.remove("b").unwrap();
        assert!(files.remove("b").is_err() && files.read("b").is_err());
    }

    #[test]
    fn size_and_number_are_limited() {
        let mut files = workspace();
        assert!(files.write("b", vec![0; 6]).is_err());
        files.write("a", vec![0; 10]).unwrap();
        files.write("b", Vec::new()).unwrap();
        assert!(files.write("c", Vec::new()).is_err());
        files.write("b", Vec::new()).unwrap();
    }

    #[test]
    fn a_name_leads_nowhere() {
        let mut files = workspace();
        let long = "n".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "../a",
            "/etc/passwd",
            "/files/",
            "a//b",
            "a/../b",
            "/a",
            "a/",
            "a\\b",
            "a\0",
            &long,
        ] {
            assert!(files.write(name, Vec::new()).is_err(), "{name:?}");
        }
    }
}
