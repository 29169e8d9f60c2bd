//! The tools that a request offers to the model: names of the server's, definitions of the page's.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::model::ChatGenerate;
use crate::agent::{ClientTool, ToolSelection};
use crate::http::validate::Checks;

const MAX_TOOLS: usize = 16;
/// The most entries of a list.
const MAX_LISTED: usize = 100;
/// All definitions together, as JSON.
const MAX_BYTES: usize = 32 << 10;
/// The same with the references of their schemas written out.
const MAX_CLEANED_BYTES: usize = 128 << 10;

/// The tools that a request offers, each with the place that names it.
#[derive(Debug, Default)]
pub(super) struct RequestedTools {
    /// Names of the server's tools or sources; none where the request does not list what it offers.
    pub(super) server: Option<Vec<(String, String)>>,
    /// Whether the request says nothing about tools at all.
    pub(super) is_silent: bool,
    /// The page's.
    pub(super) client: Vec<(String, Arc<ClientTool>)>,
    bytes: usize,
    cleaned_bytes: usize,
}

impl RequestedTools {
    /// Of a request that says nothing about tools.
    pub(super) fn silent() -> Self {
        Self { is_silent: true, ..Self::default() }
    }

    /// Tools of the server, and none of the page.
    pub(super) fn of_server(names: Vec<String>) -> Self {
        let server = names.into_iter().map(|name| ("/tools".to_owned(), name)).collect();
        Self { server: Some(server), ..Self::default() }
    }

    /// Which of the server's tools the request asks for.
    pub(super) fn selection(&self) -> ToolSelection {
        match &self.server {
            None => ToolSelection::Default,
            Some(names) => {
                ToolSelection::Named(names.iter().map(|(_, name)| name.clone()).collect())
            }
        }
    }

    /// What the page's tools take, in bytes.
    pub(super) fn cleaned_bytes(&self) -> usize {
        self.cleaned_bytes
    }

    /// Reads `tools` and `client_tools`.
    pub(super) fn read(body: &ChatGenerate, checks: &mut Checks) -> Self {
        let mut tools = Self::default();
        match body.tools.as_ref() {
            None | Some(Value::Null) => tools.is_silent = true,
            Some(Value::Array(list)) => tools.read_list(list, checks),
            Some(Value::Object(map)) => {
                for (name, definition) in map {
                    tools.define(
                        &format!("/tools/{}", escaped(name)),
                        Some(name),
                        definition,
                        checks,
                    );
                }
            }
            Some(_) => checks.refuse(
                "/tools",
                "must be a list of names and definitions, or a map of definitions",
            ),
        }
        match body.client_tools.as_ref() {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) => {
                for (index, definition) in list.iter().enumerate() {
                    tools.define(&format!("/client_tools/{index}"), None, definition, checks);
                }
            }
            Some(_) => checks.refuse("/client_tools", "must be a list of definitions"),
        }
        if tools.client.len() > MAX_TOOLS {
            let (pointer, _) = &tools.client[MAX_TOOLS];
            checks.refuse(
                pointer,
                format!("is one too many: a request may define {MAX_TOOLS} tools"),
            );
        }
        tools
    }

    fn read_list(&mut self, list: &[Value], checks: &mut Checks) {
        let mut names = Vec::new();
        if list.len() > MAX_LISTED {
            return checks.refuse("/tools", format!("must have at most {MAX_LISTED} entries"));
        }
        for (index, tool) in list.iter().enumerate() {
            let pointer = format!("/tools/{index}");
            match tool {
                Value::String(name) => names.push((pointer, name.clone())),
                definition => self.define(&pointer, None, definition, checks),
            }
        }
        self.server = Some(names);
    }

    /// Reads the definition of a tool that runs in the page: `{name?, description?, parameters}`.
    fn define(
        &mut self,
        pointer: &str,
        name: Option<&str>,
        definition: &Value,
        checks: &mut Checks,
    ) {
        let Some(definition) = definition.as_object() else {
            return checks.refuse(pointer, "must be the name of a tool, or a definition");
        };
        let Some(name) = name.or_else(|| definition.get("name")?.as_str()) else {
            return checks.refuse(format!("{pointer}/name"), "must be a string");
        };
        if !ClientTool::is_name(name) {
            let detail = format!(
                "has the name {name:?}: a name is a letter and then letters, digits and _, at most 48 in all"
            );
            return checks.refuse(pointer, detail);
        }
        if self.client.iter().any(|(_, other)| other.name() == name) {
            return checks.refuse(pointer, format!("defines the tool {name} a second time"));
        }
        // Charged once, when it is over.
        let fitted = self.bytes <= MAX_BYTES;
        self.bytes = self.bytes.saturating_add(Value::from(definition.clone()).to_string().len());
        if self.bytes > MAX_BYTES {
            if fitted {
                checks.refuse(
                    pointer,
                    "is too long: all definitions together may have 32 KiB of JSON",
                );
            }
            return;
        }
        let Some(tool) = read_definition(pointer, name, definition, checks) else { return };
        self.cleaned_bytes += tool.1.definition().parameters.to_string().len();
        if self.cleaned_bytes > MAX_CLEANED_BYTES {
            let detail = "is too long: all definitions together may have 128 KiB of JSON, with the \
                          references of their schemas written out";
            return checks.refuse(pointer, detail);
        }
        self.client.push(tool);
    }
}

fn read_definition(
    pointer: &str,
    name: &str,
    definition: &Map<String, Value>,
    checks: &mut Checks,
) -> Option<(String, Arc<ClientTool>)> {
    let description = match definition.get("description") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => {
            checks.refuse(format!("{pointer}/description"), "must be a string");
            return None;
        }
    };
    let of_any = Value::Object(Map::new());
    let given = ["parameters", "inputSchema"].into_iter().find_map(|field| {
        let schema = definition.get(field).filter(|schema| !schema.is_null())?;
        Some((field, schema))
    });
    let (field, schema) = given.unwrap_or(("parameters", &of_any));
    match ClientTool::new(name, description, schema) {
        Ok(tool) => Some((pointer.to_owned(), Arc::new(tool))),
        Err(error) => {
            checks.refuse(format!("{pointer}/{field}{}", error.pointer), error.detail);
            None
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
