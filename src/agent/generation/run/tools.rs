//! The tools of a turn: what its model is offered, and what becomes of its calls.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Interruption, Run};
use crate::agent::generation::recorder::{Started, StoredFile};
use crate::agent::job::JobTools;
use crate::agent::message::answer::HiddenArguments;
use crate::agent::message::part::Part;
use crate::agent::tools::execute::{self, CallContext, CallResult};
use crate::agent::tools::progress::ProgressReports;
use crate::agent::tools::source::{Outcome, SourceKind, ToolFile, Who};
use crate::agent::tools::sources::{Offered, OfferedTool, ToolSelection};
use crate::agent::{Answer, ClientTool};
use crate::providers::{ChosenModel, Content, HostedTool, ToolDefinition};

/// Under this name the metadata of an answer that waits says what its model was offered.
const TOOLS: &str = "tools";
const WARNINGS: &str = "warnings";
/// How often a tool of the provider's may be used in one call of the model where money is limited and the
/// operator has not said how often.
const MAX_PAID_USES: u32 = 5;

impl Run {
    /// Decides what the models of this turn are offered.
    pub(super) async fn freeze_tools(&mut self, started: &Started) -> Result<(), Interruption> {
        let offered = match &self.job.tools {
            JobTools::Offered(offered) => offered.clone(),
            JobTools::AsBefore => match self.names_before() {
                names if names.is_empty() => Offered::default(),
                names => {
                    let sources = self.settings.sources.clone();
                    let who = Who {
                        credentials: self.job.credentials.clone(),
                        role: self.job.role.clone(),
                    };
                    let selection = ToolSelection::Named(names);
                    self.wait_for(async move { sources.offer(&selection, &who).await }).await?
                }
            },
        };
        if !offered.warnings.is_empty() {
            let warnings = json!(offered.warnings);
            self.answer.update(|answer| drop(answer.metadata.insert(WARNINGS.into(), warnings)));
        }
        self.tools.of_page = self.tools_of_page(started, &offered);
        let redact =
            offered.tools.iter().map(|tool| (tool.name.clone(), tool.tool().redact.clone()));
        let hidden = HiddenArguments::of(redact);
        self.answer.update(|answer| answer.hidden = hidden);
        self.tools.offered = offered;
        Ok(())
    }

    /// The tools that earlier runs of the message were offered.
    fn names_before(&self) -> Vec<String> {
        let answer = self.answer.read();
        let names = answer.metadata.get(TOOLS).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// The request's, and those that the message has called before. A name is one tool's: this server's come
    /// first.
    fn tools_of_page(&self, started: &Started, offered: &Offered) -> Vec<Arc<ClientTool>> {
        let mut tools: Vec<Arc<ClientTool>> = Vec::new();
        for tool in self.job.client_tools.iter().chain(&started.earlier.client_tools) {
            let is_taken = tools.iter().any(|other| other.name() == tool.name())
                || offered.tools.iter().any(|other| other.name == tool.name());
            if !is_taken {
                tools.push(tool.clone());
            }
        }
        tools
    }

    /// The tools of this server that a model may call.
    fn tools(&self, model: &ChosenModel) -> Vec<Arc<OfferedTool>> {
        let is_demo = model.provider_capabilities().is_simulated;
        // What can be called but never run is not offered.
        let runs_tools = self.job.options.max_steps > 1;
        let demo = self.settings.sources.demo().iter().filter(|_| is_demo && runs_tools);
        let (id, qualified) = (model.id.as_str(), model.qualified_id());
        let offered = self.tools.offered.tools.iter();
        let offered = offered.filter(|tool| tool.is_for(&[id, &qualified]));
        offered.chain(demo).cloned().collect()
    }

    /// What the model may call: tools of this server, then those of the page or of the caller. What the
    /// provider runs itself is not among them.
    pub(super) fn definitions(&self, model: &ChosenModel) -> Vec<ToolDefinition> {
        let ours = self.tools(model).into_iter();
        let ours = ours.filter(|tool| tool.kind() != SourceKind::Hosted);
        let ours = ours.map(|tool| tool.for_model());
        let of_page = self.tools.of_page.iter().map(|tool| tool.definition().clone());
        ours.chain(of_page).chain(self.job.options.functions.iter().cloned()).collect()
    }

    /// The tools that the provider of this model runs.
    pub(super) fn hosted_tools(&self, model: &ChosenModel) -> Vec<HostedTool> {
        let offered = self.tools.offered.tools.iter();
        let hosted = offered.filter_map(|tool| tool.hosted_for(model)?.ok().cloned());
        // What is paid for by the use is reserved for before.
        let is_limited = !self.job.terms.budgets().is_empty();
        let most = |tool: HostedTool| match tool.max_uses {
            None if is_limited => HostedTool { max_uses: Some(MAX_PAID_USES), ..tool },
            _ => tool,
        };
        hosted.map(most).collect()
    }

    /// Says which of the provider's tools this model does not have.
    pub(super) fn warn_of_missing(&self, model: &ChosenModel) {
        let offered = self.tools.offered.tools.iter();
        let missing: Vec<_> = offered.filter_map(|tool| tool.hosted_for(model)?.err()).collect();
        if !missing.is_empty() {
            let warnings = self.tools.offered.warnings.iter().cloned().chain(missing);
            let warnings: Value = warnings.collect::<Vec<_>>().into();
            self.answer.update(|answer| drop(answer.metadata.insert(WARNINGS.into(), warnings)));
        }
    }

    /// Runs the tools that were called, but for those that wait for somebody, whose calls do so when all
    /// others have run; returns false if the model is in a loop.
    pub(super) async fn run_tools(&mut self) -> Result<bool, Interruption> {
        let calls = execute::pending(&self.answer.read());
        if execute::is_looping(&calls) {
            return Ok(false);
        }
        let tools = self.model.current().map(|model| self.tools(model)).unwrap_or_default();
        let mut sorted = execute::sort(calls, &tools, &self.tools.of_page);
        self.answer.update(|answer| execute::store(answer, sorted.refused));
        sorted.ready.extend(self.take_granted(&mut sorted.asks).await?);
        let (ready, refused) = self.pay_for(sorted.ready).await?;
        self.answer.update(|answer| execute::store(answer, refused));
        let context = self.call_context();
        let parts = ready.iter().map(|call| call.part).collect();
        self.answer.update(|answer| answer.note_running(parts));
        let running = execute::run_all(ready, &context);
        let results = self.wait_with_progress(running, &context).await?;
        self.settle(&results);
        let results = self.keep_files(results).await?;
        self.answer.update(|answer| execute::store(answer, results));
        self.waiting = sorted.waiting;
        self.ask(sorted.asks);
        if !self.waiting.is_empty() {
            let names = self.tools.names();
            self.answer.update(|answer| remember(answer, &names));
        }
        Ok(true)
    }

    /// Waits for calls, and shows meanwhile how far they are.
    pub(super) async fn wait_with_progress<T>(
        &mut self,
        calls: impl Future<Output = T>,
        context: &CallContext,
    ) -> Result<T, Interruption> {
        let mut calls = pin!(calls);
        let mut shown_at = None;
        loop {
            let news = pin!(context.progress.next(&mut shown_at));
            match self.wait_for(select(calls.as_mut(), news)).await? {
                Either::Left((results, _)) => return Ok(results),
                Either::Right((news, _)) => {
                    self.answer.update(|answer| answer.report_progress(news));
                }
            }
        }
    }

    pub(super) fn call_context(&self) -> CallContext {
        CallContext {
            credentials: self.job.credentials.clone(),
            chat_id: self.job.chat_id,
            message_id: self.answer.read().claim.rows().map(|rows| rows.message_id),
            progress: ProgressReports::default(),
            metrics: self.settings.metrics.clone(),
        }
    }

    /// Loads the pictures that the answer has so far and that its model has not been shown.
    pub(super) async fn load_pictures(&mut self, model: &ChosenModel) -> Result<(), Interruption> {
        let known = &self.tools.files;
        let missing: Vec<_> = {
            let answer = self.answer.read();
            let made = answer.parts.iter().filter_map(made_picture);
            made.filter(|(id, _)| !known.contains_key(id)).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let (job, model) = (self.job.clone(), model.clone());
        let ids: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
        let loading =
            async move { job.recorder.load_pictures(&job.credentials, &ids, &model).await };
        let mut loaded = self.wait_for(loading).await?;
        for (id, name) in missing {
            // What cannot be shown is named, and not asked for again.
            let named = || Content::text(format!("[file: {name}]"));
            self.tools.files.insert(id, loaded.remove(&id).unwrap_or_else(named));
        }
        Ok(())
    }

    /// Gives listeners addresses of files that tools have stored themselves.
    async fn sign_made(&mut self, results: &[CallResult]) -> Result<(), Interruption> {
        let parts = results.iter().flat_map(|result| match &result.outcome {
            Outcome::Ok { parts, .. } => parts.as_slice(),
            _ => &[],
        });
        let url = |part: &Value| part.get("url").and_then(Value::as_str).map(str::to_owned);
        let urls: HashMap<Uuid, String> =
            parts.filter_map(|part| Some((file_id(part)?, url(part)?))).collect();
        if urls.is_empty() {
            return Ok(());
        }
        let (job, ids) = (self.job.clone(), urls.keys().copied().collect::<Vec<_>>());
        let signing = async move { job.recorder.sign_files(&job.credentials, &ids).await };
        let signed = self.wait_for(signing).await?.into_iter();
        let signed = signed.filter_map(|(id, signed)| Some((urls.get(&id)?.clone(), signed)));
        self.answer.update(|answer| answer.sign_urls(signed));
        Ok(())
    }

    /// Stores the files that tools have made, which become parts of the answer.
    pub(super) async fn keep_files(
        &mut self,
        mut results: Vec<CallResult>,
    ) -> Result<Vec<CallResult>, Interruption> {
        self.sign_made(&results).await?;
        for result in &mut results {
            let Outcome::Ok { files, parts, .. } = &mut result.outcome else { continue };
            let files = std::mem::take(files);
            if files.is_empty() {
                continue;
            }
            let (job, call_id) = (self.job.clone(), result.id.clone());
            let pictures: Vec<_> = files.iter().map(picture).collect();
            let storing =
                async move { job.recorder.store_files(&job.credentials, &call_id, files).await };
            let stored = self.wait_for(storing).await?;
            for (StoredFile { part, signed_url }, picture) in stored.into_iter().zip(pictures) {
                let text = |name: &str| part.get(name).and_then(Value::as_str);
                let id = text("file_id").and_then(|id| id.parse().ok());
                // What the bytes are, not what the tool says: providers refuse the request otherwise.
                let is_picture = text("mediaType").is_some_and(|kind| kind.starts_with("image/"));
                self.tools.files.extend(id.zip(picture.filter(|_| is_picture)));
                let url = text("url").map(str::to_owned);
                self.answer.update(|answer| answer.sign_urls(url.zip(signed_url)));
                parts.push(part);
            }
        }
        Ok(results)
    }
}

fn file_id(part: &Value) -> Option<Uuid> {
    part.get("file_id")?.as_str()?.parse().ok()
}

/// The id and the name of a picture that is part of an answer.
fn made_picture(part: &Part) -> Option<(Uuid, String)> {
    let Part::Other(part) = part else { return None };
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let is_picture = text("mediaType").is_some_and(|kind| kind.starts_with("image/"));
    let id = file_id(part).filter(|_| is_picture)?;
    Some((id, text("filename").unwrap_or("picture").to_owned()))
}

/// What a model is shown of a file.
fn picture(file: &ToolFile) -> Option<Content> {
    let is_picture = file.media_type.starts_with("image/");
    let media_type = file.media_type.clone();
    is_picture.then(|| Content::Image { media_type, base64: STANDARD.encode(&file.bytes) })
}

/// The continuation of an answer that waits offers the same.
fn remember(answer: &mut Answer, names: &[String]) {
    match names.is_empty() {
        true => answer.metadata.shift_remove(TOOLS),
        false => answer.metadata.insert(TOOLS.into(), json!(names)),
    };
}
