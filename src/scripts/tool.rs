//! The agent's tool `run_script`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::Scripts;
use super::model::{RunScript as Wanted, ScriptRun};
use crate::agent::{Credentials, Tool};
use crate::files::Owner;
use crate::files::model::File;
use crate::providers::ToolDefinition;

/// How much of each output, and of the result, a model gets to read.
const MAX_READ_BYTES: usize = 16 << 10;

/// Runs a script in the name of the person that the model answers.
pub struct RunScript {
    scripts: Scripts,
}

impl RunScript {
    /// The tool over the services of `/api/scripts`.
    pub fn new(scripts: Scripts) -> Self {
        Self { scripts }
    }
}

impl Tool for RunScript {
    fn definition(&self) -> ToolDefinition {
        let languages: &[&str] =
            if self.scripts.has_python() { &["python", "javascript"] } else { &["javascript"] };
        ToolDefinition {
            name: "run_script".into(),
            description: "Runs a script in a sandbox without network and returns what it printed, \
                          the value of its last expression as JSON, and the files it wrote under \
                          /files. In JavaScript: console.log, files.list(), files.read(name), \
                          files.write(name, data). If it fails, read the error, mend the script \
                          and run it again."
                .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "language": { "type": "string", "enum": languages },
                    "code": { "type": "string", "description": "The whole script" },
                    "files": {
                        "type": "array", "items": { "type": "string", "format": "uuid" },
                        "description": "Ids of the person's files that the script finds in /files",
                    },
                    "input": { "description": "Any JSON; the script finds it as `input`" },
                },
                "required": ["language", "code"],
            }),
        }
    }

    fn run<'a>(
        &'a self,
        arguments: &'a Value,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            let mut wanted: Wanted =
                serde_json::from_value(arguments.clone()).map_err(|error| error.to_string())?;
            // The person's other choices are not the model's.
            (wanted.timeout_ms, wanted.chat_id) = (None, None);
            let run = self.scripts.run(&Owner::from(credentials), wanted).await;
            run.map(|run| readable(&run)).map_err(|error| error.detail().to_owned())
        }
        .boxed()
    }
}

/// A run as the model gets to read it.
fn readable(run: &ScriptRun) -> Value {
    let mut read = json!({ "status": run.status, "result": shortened_result(&run.result) });
    for (name, output) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !output.is_empty() {
            read[name] = json!(shortened(output));
        }
    }
    if let Some(error) = &run.error {
        read["error"] = json!(error);
    }
    if !run.files.is_empty() {
        let file = |file: &File| {
            json!({ "id": file.id, "name": file.name, "media_type": file.media_type,
                "size": file.size, "url": file.url })
        };
        read["files"] = run.files.iter().map(file).collect();
    }
    read
}

fn shortened_result(result: &Value) -> Value {
    let text = result.to_string();
    if text.len() <= MAX_READ_BYTES { result.clone() } else { json!(shortened(&text)) }
}

/// The beginning and the end, with a note of what is missing between.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_READ_BYTES {
        return text.to_owned();
    }
    let start = text.floor_char_boundary(MAX_READ_BYTES / 2);
    let end = text.ceil_char_boundary(text.len() - MAX_READ_BYTES / 2);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..start], end - start, &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_outputs_lose_their_middle() {
        let text = "é".repeat(MAX_READ_BYTES);
        let short = shortened(&text);
        assert!(short.len() < MAX_READ_BYTES + 50);
        assert!(short.starts_with("éé") && short.ends_with("éé"), "{short:.20}");
        assert!(short.contains("[… 16384 bytes left out …]"));
        assert_eq!(shortened("short"), "short");
    }
}
