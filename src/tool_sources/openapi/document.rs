//! An OpenAPI document: a JSON file beside the configuration file.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// The longest document, in bytes.
const MAX_BYTES: u64 = 8 << 20;
/// How many references may lead to one another.
const MAX_REFERENCES: usize = 8;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A document.
pub struct Document(pub Value);

/// An operation as the document has it.
pub struct Found<'a> {
    /// The path, with `{arguments}`.
    pub path: &'a str,
    /// The method, in lower case.
    pub method: &'a str,
    /// What the path's operations share.
    pub item: &'a Value,
    /// The operation.
    pub operation: &'a Value,
}

impl Document {
    /// Reads a file. `Err` is what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let cannot = |error| format!("{shown} cannot be read: {error}");
        if fs::metadata(path).map_err(cannot)?.len() > MAX_BYTES {
            return Err(format!("{shown} is too long: at most {MAX_BYTES} bytes are read"));
        }
        let text = fs::read_to_string(path).map_err(cannot)?;
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            format!("{shown} is not JSON: {error}. YAML is not read; convert it first")
        })?;
        match value.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.") => Ok(Self(value)),
            Some(version) => Err(format!("{shown} is of OpenAPI {version}; 3.x is read")),
            None => Err(format!("{shown} is not an OpenAPI document of version 3.x")),
        }
    }

    /// The operation with this `operationId`. `Err` names those that there are.
    pub fn find(&self, id: &str) -> Result<Found<'_>, String> {
        let is_it = |found: &Found<'_>| found.operation["operationId"] == id;
        self.operations().find(is_it).ok_or_else(|| {
            let known: Vec<_> = self
                .operations()
                .filter_map(|found| found.operation["operationId"].as_str())
                .take(20)
                .collect();
            format!("`{id}` is no operationId of the document, which has {}", known.join(", "))
        })
    }

    fn operations(&self) -> impl Iterator<Item = Found<'_>> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let item = self.resolved(item);
            METHODS.into_iter().filter_map(move |method| {
                Some(Found { path, method, item, operation: item.get(method)? })
            })
        })
    }

    /// What a value stands for: what its `$ref` leads to, within the document.
    pub fn resolved<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..MAX_REFERENCES {
            let target = value.get("$ref").and_then(Value::as_str);
            match target.and_then(|target| self.0.pointer(target.strip_prefix('#')?)) {
                Some(target) => value = target,
                None => break,
            }
        }
        value
    }

    /// Where an operation is asked: the first server, with the defaults of its variables.
    pub fn server(&self, found: &Found<'_>) -> Option<String> {
        let servers = [found.operation, found.item, &self.0].map(|place| &place["servers"][0]);
        let server = servers.into_iter().find(|server| server["url"].is_string())?;
        let none = Map::new();
        let variables = server["variables"].as_object().unwrap_or(&none).iter();
        let url = server["url"].as_str().unwrap_or_default().to_owned();
        Some(variables.fold(url, |url, (name, variable)| {
            url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default())
        }))
    }
}
