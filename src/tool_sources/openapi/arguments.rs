//! The arguments of an operation: its parameters and its JSON body, as one schema.

use reqwest::header::HeaderName;
use serde_json::{Map, Value, json};

use super::document::{Document, Found};
use crate::agent::clean_schema_within;
use crate::tool_sources::http::access::header_name;
use crate::tool_sources::http::operation::BodyRule;
use crate::tool_sources::http::template::UrlTemplate;

/// The arguments of an operation, and where they go.
pub struct Arguments {
    /// Their schema, without references.
    pub schema: Value,
    /// The address.
    pub url: UrlTemplate,
    /// Those that go into headers.
    pub headers: Vec<(HeaderName, String)>,
    /// What the body is.
    pub body: BodyRule,
    /// The body's media type.
    pub media_type: String,
}

struct Collected<'a> {
    document: &'a Document,
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Arguments {
    /// Collects the arguments of an operation at this address. `Err` is what cannot be a tool.
    pub fn of(
        document: &Document,
        found: &Found<'_>,
        mut url: UrlTemplate,
    ) -> Result<Self, String> {
        let mut collected = Collected { document, properties: Map::new(), required: Vec::new() };
        let mut headers = Vec::new();
        for parameter in parameters(document, found) {
            let name = parameter["name"].as_str().ok_or("has a parameter without a name")?;
            let argument = collected.free_name(name);
            match parameter["in"].as_str().unwrap_or_default() {
                "path" => url.rename(name, &argument),
                "query" if is_plain(document, parameter) => {
                    let is_joined = parameter["explode"] == false;
                    url.add_query(name, &argument, is_joined);
                }
                "header" if is_own_header(name) => continue,
                "header" => headers.push((header_name(name)?, argument.clone())),
                _ if parameter["required"] != true => continue,
                place => {
                    return Err(format!(
                        "needs `{name}` in the {place}, in a form that tools cannot send"
                    ));
                }
            }
            collected.add_parameter(argument, parameter);
        }
        let (body, media_type) = collected.add_body(found)?;
        if let Some(name) =
            url.path_arguments().find(|name| !collected.properties.contains_key(*name))
        {
            return Err(format!("has {{{name}}} in its path, but no such parameter"));
        }
        let Collected { properties, required, .. } = collected;
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let schema = clean_schema_within(&document.0, &schema).map_err(|error| {
            format!(
                "has arguments that cannot be given to models: {}: {}",
                error.pointer, error.detail
            )
        })?;
        Ok(Self { schema, url, headers, body, media_type })
    }
}

impl Collected<'_> {
    /// A name that models can be given and that no other argument has.
    fn free_name(&self, name: &str) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let mut name: String =
            name.chars().take(56).map(|c| if fits(c) { c } else { '_' }).collect();
        while self.properties.contains_key(&name) {
            name.push('_');
        }
        name
    }

    fn add_parameter(&mut self, argument: String, parameter: &Value) {
        let schema = parameter
            .get("schema")
            .or_else(|| parameter["content"].get("application/json")?.get("schema"));
        let mut schema = schema.cloned().unwrap_or_else(|| json!({}));
        if let (Some(schema), Some(text)) = (schema.as_object_mut(), parameter.get("description")) {
            schema.insert("description".into(), text.clone());
        }
        if parameter["required"] == true || parameter["in"] == "path" {
            self.required.push(argument.clone().into());
        }
        self.properties.insert(argument, schema);
    }

    /// The members of the body become arguments where they can stand beside the others; else the whole body is one.
    fn add_body(&mut self, found: &Found<'_>) -> Result<(BodyRule, String), String> {
        let Some(body) = found.operation.get("requestBody") else {
            return Ok((BodyRule::None, String::new()));
        };
        let body = self.document.resolved(body);
        let is_json = |name: &str| {
            let name = name.split(';').next().unwrap_or_default().trim();
            name == "application/json" || name.ends_with("+json") || name == "*/*"
        };
        let content = body["content"].as_object().into_iter().flatten();
        let Some((media_type, content)) = content.into_iter().find(|(name, _)| is_json(name))
        else {
            return match body["required"] == true {
                true => Err("needs a body that is not JSON, which tools cannot send".into()),
                false => Ok((BodyRule::None, String::new())),
            };
        };
        let media_type = media_type.replace("*/*", "application/json");
        let schema = self.document.resolved(&content["schema"]);
        if let Some(members) = self.mergeable(schema) {
            self.properties.extend(members);
            if body["required"] == true {
                let required = schema["required"].as_array().into_iter().flatten();
                let is_there = |name: &&Value| {
                    name.as_str().is_some_and(|name| self.properties.contains_key(name))
                };
                self.required.extend(required.filter(is_there).cloned().collect::<Vec<_>>());
            }
            return Ok((BodyRule::Rest, media_type));
        }
        let argument = self.free_name("body");
        if body["required"] == true {
            self.required.push(argument.clone().into());
        }
        self.properties.insert(argument.clone(), content["schema"].clone());
        Ok((BodyRule::Argument(argument), media_type))
    }

    /// The members of an object that can be arguments: without those that only answers have.
    fn mergeable(&self, schema: &Value) -> Option<Map<String, Value>> {
        let is_combined =
            ["allOf", "anyOf", "oneOf", "not"].iter().any(|word| schema.get(word).is_some());
        let members = schema.get("properties")?.as_object().filter(|_| !is_combined)?;
        let members = members.iter().filter(|(_, schema)| schema["readOnly"] != true);
        let members: Map<_, _> =
            members.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        members.keys().all(|name| self.free_name(name) == *name).then_some(members)
    }
}

/// The parameters of the path and of the operation, which come first.
fn parameters<'a>(document: &'a Document, found: &Found<'a>) -> Vec<&'a Value> {
    let list = |place: &'a Value| {
        place["parameters"].as_array().into_iter().flatten().map(|it| document.resolved(it))
    };
    let mut all: Vec<_> = list(found.operation).collect();
    for shared in list(found.item) {
        if !all.iter().any(|own| own["name"] == shared["name"] && own["in"] == shared["in"]) {
            all.push(shared);
        }
    }
    all
}

/// Whether a parameter of the query is a text, a number or a list of such.
fn is_plain(document: &Document, parameter: &Value) -> bool {
    let style = parameter.get("style").is_none_or(|style| style == "form");
    style
        && parameter
            .get("schema")
            .is_some_and(|schema| document.resolved(schema)["type"] != "object")
}

/// Headers that the document's own rules leave to others.
fn is_own_header(name: &str) -> bool {
    ["accept", "content-type", "authorization"].iter().any(|other| name.eq_ignore_ascii_case(other))
}
