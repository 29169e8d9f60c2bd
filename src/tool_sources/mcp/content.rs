//! What a server's result is for the model and for the person.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::agent::tools::source::{Outcome, ToolFile};

/// The most files of a result.
const MAX_FILES: usize = 8;
/// The most that is said of a block of an unknown kind, or of a link, in characters.
const MAX_UNKNOWN: usize = 2_000;

/// What has become of a call. `tool` names its files.
pub(super) fn outcome(tool: &str, result: &Value, output_schema: Option<&Value>) -> Outcome {
    match result.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => {}
        Some("input_required") => return Outcome::Refused(CANNOT_ASK.into()),
        Some(_) => return failed("The server answers in a way that this app cannot follow."),
    }
    let mut content = Content { tool, ..Content::default() };
    for block in result.get("content").and_then(Value::as_array).into_iter().flatten() {
        content.block(block);
    }
    if result.get("isError") == Some(&Value::Bool(true)) {
        let text = content.text();
        return Outcome::Refused(if text.is_empty() {
            "The tool has failed.".into()
        } else {
            text
        });
    }
    let structured = result.get("structuredContent");
    if let Some(schema) = output_schema
        && let Err(problem) = fits(schema, structured)
    {
        return failed(&format!("The result is not what the tool promises: {problem}"));
    }
    let output = content.output(structured);
    let Content { parts, files, .. } = content;
    Outcome::Ok { output, parts, files }
}

/// What the model is told of a tool that wants to ask the person.
pub(super) const CANNOT_ASK: &str = "The tool needs to ask something that this app cannot show.";

fn failed(sentence: &str) -> Outcome {
    Outcome::Failed { sentence: sentence.to_owned(), may_have_happened: true }
}

/// A schema that this server cannot read says nothing.
fn fits(schema: &Value, structured: Option<&Value>) -> Result<(), String> {
    let Some(structured) = structured else { return Err("it has no structured content".into()) };
    crate::agent::tools::fits_foreign(schema, structured)
}

#[derive(Default)]
struct Content<'a> {
    tool: &'a str,
    texts: Vec<String>,
    /// What is said of blocks that are no text.
    notes: Vec<String>,
    parts: Vec<Value>,
    files: Vec<ToolFile>,
}

impl Content<'_> {
    fn block(&mut self, block: &Value) {
        let text = |name: &str| block.get(name).and_then(Value::as_str);
        let is_for_person_alone = block.pointer("/annotations/audience") == Some(&json!(["user"]));
        match text("type") {
            Some("text") if is_for_person_alone => self.for_person(text("text")),
            Some("text") => self.texts.push(text("text").unwrap_or_default().to_owned()),
            Some("image" | "audio") => {
                let note = self.file(text("data"), text("mimeType"));
                // A picture for the person alone is none of the model's business.
                self.notes.extend((!is_for_person_alone).then_some(note));
            }
            Some("resource_link") => self.notes.push(link(block)),
            Some("resource") => self.resource(block.get("resource").unwrap_or(&Value::Null)),
            _ => self.notes.push(cut(&block.to_string())),
        }
    }

    fn for_person(&mut self, text: Option<&str>) {
        let data = json!({ "tool": self.tool, "text": text.unwrap_or_default() });
        self.parts.push(json!({ "type": "data-tool-text", "data": data }));
    }

    fn resource(&mut self, resource: &Value) {
        let text = |name: &str| resource.get(name).and_then(Value::as_str);
        match (text("text"), text("blob")) {
            (Some(content), _) => self.texts.push(content.to_owned()),
            (None, Some(blob)) => {
                let note = self.file(Some(blob), text("mimeType"));
                self.notes.push(note);
            }
            (None, None) => self.notes.push(link(resource)),
        }
    }

    /// Keeps a file for the person, and says what it is.
    fn file(&mut self, data: Option<&str>, media_type: Option<&str>) -> String {
        let media_type = media_type.filter(|text| is_media_type(text));
        let media_type = media_type.unwrap_or("application/octet-stream");
        let bytes = data.and_then(|data| STANDARD.decode(data).ok()).map(Bytes::from);
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            return format!("[{media_type} that cannot be read]");
        };
        let size = bytes.len().div_ceil(1_000);
        if self.files.len() == MAX_FILES {
            return format!("[{media_type}, {size} KB, left out: too many files]");
        }
        let name = file_name(self.tool, self.files.len() + 1, media_type);
        let note = format!("[{name}: {media_type}, {size} KB, shown to the person]");
        self.files.push(ToolFile { name, media_type: media_type.to_owned(), bytes });
        note
    }

    fn text(&self) -> String {
        let texts = self.texts.iter().chain(&self.notes).map(String::as_str);
        texts.collect::<Vec<_>>().join("\n\n")
    }

    /// The texts repeat the structured content for clients that do not know it.
    fn output(&self, structured: Option<&Value>) -> Value {
        match structured {
            Some(structured) if self.notes.is_empty() => structured.clone(),
            Some(structured) => json!({ "result": structured, "attachments": self.notes }),
            None if self.texts.is_empty() && self.notes.is_empty() => json!("Done."),
            None => Value::String(self.text()),
        }
    }
}

/// A link is never followed: it may lead anywhere.
fn link(block: &Value) -> String {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    let name = text("name").or_else(|| text("title")).unwrap_or("resource");
    let media_type = text("mimeType").map(|text| format!(", {text}")).unwrap_or_default();
    let about = text("description").map(|text| format!(": {text}")).unwrap_or_default();
    cut(&format!("[link {name} ({}{media_type}){about}]", text("uri").unwrap_or("no address")))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_UNKNOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c);
        !text.is_empty() && text.len() <= 100 && text.chars().all(fits)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

fn file_name(tool: &str, number: usize, media_type: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let tool: String = tool.chars().map(plain).take(48).collect();
    // The list is sorted by name, and the usual ending is not the first one.
    let ending = match media_type {
        "image/jpeg" => "jpg",
        "text/plain" => "txt",
        "audio/mpeg" => "mp3",
        "application/octet-stream" => "bin",
        other => mime_guess::get_mime_extensions_str(other)
            .and_then(|endings| endings.first().copied())
            .unwrap_or("bin"),
    };
    format!("{tool}-{number}.{ending}")
}

/// Puts dots in the place of a secret that a server repeats.
pub(super) fn hide(value: &mut Value, secret: &str) {
    match value {
        Value::String(text) if text.contains(secret) => *text = text.replace(secret, "•••"),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secret)),
        Value::Object(fields) => hide_in(fields, secret),
        _ => {}
    }
}

fn hide_in(fields: &mut Map<String, Value>, secret: &str) {
    if fields.keys().any(|name| name.contains(secret)) {
        let named = std::mem::take(fields).into_iter();
        *fields = named.map(|(name, field)| (name.replace(secret, "•••"), field)).collect();
    }
    fields.values_mut().for_each(|field| hide(field, secret));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(result: &Value) -> (Value, Vec<Value>, Vec<ToolFile>) {
        match outcome("get.picture", result, None) {
            Outcome::Ok { output, parts, files } => (output, parts, files),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_of_content_has_its_place() {
        let (output, parts, files) = ok(&json!({ "content": [
            { "type": "text", "text": "here" },
            { "type": "text", "text": "psst", "annotations": { "audience": ["user"] } },
            { "type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png" },
            { "type": "resource_link", "uri": "file:///etc/passwd", "name": "users" },
            { "type": "resource", "resource": { "uri": "x:1", "text": "inline" } },
            { "type": "resource", "resource": { "uri": "x:2", "blob": "AAAA", "mimeType": "a b" } },
            { "type": "hologram", "depth": 3 },
        ] }));
        assert_eq!(
            output,
            "here\n\ninline\n\n[get_picture-1.png: image/png, 1 KB, shown to the person]\n\n\
             [link users (file:///etc/passwd)]\n\n\
             [get_picture-2.bin: application/octet-stream, 1 KB, shown to the person]\n\n\
             {\"type\":\"hologram\",\"depth\":3}"
        );
        assert_eq!(parts[0]["data"]["text"], "psst");
        assert_eq!(files[0].name, "get_picture-1.png");
        assert_eq!(files.len(), 2);
    }

    #[test]
    fn structured_content_stands_for_its_text_and_keeps_its_promise() {
        let result = json!({ "content": [{ "type": "text", "text": "{\"n\":1}" }],
            "structuredContent": { "n": 1 } });
        assert_eq!(ok(&result).0, json!({ "n": 1 }));
        let schema =
            |kind: &str| json!({ "type": "object", "properties": { "n": { "type": kind } } });
        assert!(matches!(outcome("x", &result, Some(&schema("number"))), Outcome::Ok { .. }));
        for (result, schema) in [(&result, schema("string")), (&json!({}), schema("number"))] {
            let outcome = outcome("x", result, Some(&schema));
            assert!(
                matches!(outcome, Outcome::Failed { may_have_happened: true, .. }),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn a_tools_own_error_and_a_question_are_refusals() {
        let error =
            json!({ "isError": true, "content": [{ "type": "text", "text": "no such order" }] });
        assert_eq!(outcome("x", &error, None), Outcome::Refused("no such order".into()));
        let asks = json!({ "resultType": "input_required", "inputRequests": {} });
        assert_eq!(outcome("x", &asks, None), Outcome::Refused(CANNOT_ASK.into()));
    }

    #[test]
    fn a_repeated_secret_is_hidden() {
        let mut result = json!({ "content": [{ "text": "Authorization: Bearer s3cret!" }],
            "structuredContent": { "Bearer s3cret!": 1 } });
        hide(&mut result, "s3cret!");
        assert_eq!(result["structuredContent"], json!({ "Bearer •••": 1 }));
        assert_eq!(result["content"][0]["text"], "Authorization: Bearer •••");
    }
}
