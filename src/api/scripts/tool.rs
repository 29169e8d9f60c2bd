//! The agent's tool `run_script`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{Language, RunScript as Wanted, ScriptRun};
use super::{Scripts, shorten};
use crate::agent::{Credentials, Tool};
use crate::api::files::Owner;
use crate::api::files::model::{File, FileFilter};
use crate::http::error::ApiError;
use crate::providers::ToolDefinition;

/// How much of each output, and of the result, a model gets to read.
const MAX_READ_BYTES: usize = 16 << 10;

/// How many files with a name like the one that is asked for are looked at.
const MAX_SEARCHED: usize = 100;

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
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "Ids or names of the person's files that the script finds \
                                        in /files",
                    },
                    "input": { "description": "Any JSON; the script finds it as `input`" },
                },
                "required": ["code"],
            }),
        }
    }

    fn run<'a>(
        &'a self,
        arguments: &'a Value,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            let call: Call = serde_json::from_value(arguments.clone())
                .map_err(|error| format!("The arguments do not fit: {error}."))?;
            let owner = Owner::from(credentials);
            let wanted = Wanted {
                language: call.language.unwrap_or_default(),
                code: Some(call.code),
                files: self.ids(&owner, &call.files.unwrap_or_default()).await?,
                input: call.input,
                ..Wanted::default()
            };
            let refused = |error: ApiError| sentence(&error);
            let place = self.scripts.wait(&owner, &wanted).await.map_err(refused)?;
            let run = self.scripts.run(&owner, wanted, place).await.map_err(refused)?;
            Ok(readable(&run))
        }
        .boxed()
    }
}

#[derive(Deserialize)]
struct Call {
    language: Option<Language>,
    code: String,
    files: Option<Vec<String>>,
    input: Option<Value>,
}

impl RunScript {
    /// The files that a model names, by id or by name; of those with one name the newest.
    async fn ids(&self, owner: &Owner, files: &[String]) -> Result<Vec<Uuid>, String> {
        let mut ids = Vec::new();
        for file in files {
            ids.push(match file.parse() {
                Ok(id) => id,
                Err(_) => self.id(owner, file).await?,
            });
        }
        Ok(ids)
    }

    async fn id(&self, owner: &Owner, name: &str) -> Result<Uuid, String> {
        let filter = FileFilter { q: Some(name.to_owned()), chat_id: None };
        let found = self.scripts.files.list(owner, &filter, MAX_SEARCHED).await;
        let found =
            found.map_err(|error| sentence(&error))?.into_iter().find(|file| file.name == name);
        found.map(|file| file.id).ok_or_else(|| format!("There is no file named {name}."))
    }
}

fn sentence(error: &ApiError) -> String {
    error.detail().to_owned()
}

/// A run as the model gets to read it.
fn readable(run: &ScriptRun) -> Value {
    let mut read =
        json!({ "status": run.status, "result": shorten::value(&run.result, MAX_READ_BYTES) });
    for (name, output) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !output.is_empty() {
            read[name] = json!(shorten::text(output, MAX_READ_BYTES));
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
