//! Reads tables of the file into types.

use serde::de::DeserializeOwned;
use toml::Table;

/// Reads a table; `Err` begins with the place of what is wrong.
pub(super) fn typed<T: DeserializeOwned>(place: &str, table: Table) -> Result<Box<T>, String> {
    serde_path_to_error::deserialize(table).map(Box::new).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { place.to_owned() } else { format!("{place}.{path}") };
        format!("{at}: {}", one_line(error.inner().message()))
    })
}

/// A message without line breaks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
