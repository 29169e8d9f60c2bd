//! The agent's tool `run_script`.

use tracing::Instrument;
use uuid::Uuid;

use super::model::{Language, RunScript, ScriptRun};
use super::{Scripts, shorten};
use crate::agent::define;
use crate::agent::tools::prelude::*;
use crate::api::files::model::{File, FileFilter};
use crate::api::files::{Owner, written_part};
use crate::http::error::ApiError;
use crate::providers::ToolDefinition;

/// How much of each output, and of the result, a model gets to read.
const MAX_READ_BYTES: usize = 16 << 10;

/// How many files with a name like the one that is asked for are looked at.
const MAX_SEARCHED: usize = 100;

const PYTHON_IS_LOOKED_FOR: &str = "Python is being looked for on this server: a script in Python \
    waits until it is found, or is told that there is none";

/// Runs a script in the name of the person that the model answers.
pub struct RunScriptTool {
    scripts: Scripts,
}

/// What the model sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    language: Option<Language>,
    /// The whole script
    code: String,
    /// Ids or names of the person's files that the script finds in /files
    files: Option<Vec<String>>,
    /// Any JSON; the script finds it as `input`
    input: Option<Value>,
    /// How long the script may take, in milliseconds; say more for work that takes long
    timeout_ms: Option<u64>,
}

impl Tool for RunScriptTool {
    type Arguments = Arguments;
    const NAME: &'static str = "run_script";
    const DESCRIPTION: &'static str = "Runs a script in a sandbox without network and returns what \
        it printed, the value of its last expression as JSON, and the files it wrote under /files. \
        In JavaScript: console.log, files.list(), files.read(name), files.write(name, data). In \
        Python: plt.show() and display() of a figure, table or picture write a file too. If it \
        fails, read the error, fix the script and run it again.";

    async fn run(&self, arguments: Arguments, context: &ToolContext) -> ToolResult {
        let owner = Owner::from(&*context.credentials);
        let request = RunScript {
            language: arguments.language.unwrap_or_default(),
            code: Some(arguments.code),
            files: self.ids(&owner, &arguments.files.unwrap_or_default()).await?,
            input: arguments.input,
            timeout_ms: arguments.timeout_ms,
            chat_id: context.chat_id,
            ..RunScript::default()
        };
        let refused = |error: ApiError| sentence(&error);
        let permit = self.scripts.wait_for_permit(&owner, &request).await.map_err(refused)?;
        // A stop drops this future, which ends the script; its run is recorded all the same.
        let _end = permit.cancelled.clone().drop_guard();
        let scripts = self.scripts.clone();
        let run = async move { scripts.run(&owner, request, permit).await };
        let run = tokio::spawn(run.in_current_span()).await.map_err(|error| error.to_string())?;
        Ok(to_json(&run.map_err(refused)?))
    }

    /// The files that the script has written, so that charts and tables are seen.
    fn parts(&self, output: &Value) -> Vec<Value> {
        let written = output["files"].as_array().into_iter().flatten();
        let part = |file: &Value| {
            let text = |name: &str| file[name].as_str();
            Some(written_part(text("id")?, text("name")?, text("media_type")?))
        };
        written.filter_map(part).collect()
    }

    fn definition(&self) -> ToolDefinition {
        let mut definition = define::<Self>();
        let properties = &mut definition.parameters["properties"];
        properties["timeout_ms"]["minimum"] = json!(1);
        properties["timeout_ms"]["maximum"] = json!(self.scripts.max_timeout_ms());
        match self.scripts.has_python() {
            Some(true) => {
                let modules = self.scripts.python_modules();
                if !modules.is_empty() {
                    let modules = modules.join(", ");
                    properties["language"]["description"] =
                        json!(format!("python has {modules}; nothing can be installed"));
                }
            }
            Some(false) => properties["language"]["enum"] = json!(["javascript"]),
            None => properties["language"]["description"] = json!(PYTHON_IS_LOOKED_FOR),
        }
        definition
    }
}

impl RunScriptTool {
    /// The tool over the services of `/api/scripts`.
    pub fn new(scripts: Scripts) -> Self {
        Self { scripts }
    }

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
fn to_json(run: &ScriptRun) -> Value {
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
