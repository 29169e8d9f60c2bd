//! Calls that a person is asked about, and those that were approved.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use tracing::{info, warn};
use uuid::Uuid;

use super::{Interruption, Run, save};
use crate::agent::generation::failure::Failure;
use crate::agent::message::approval::Approval;
use crate::agent::message::part::{Part, ToolState};
use crate::agent::tools::approval::{ApprovedCall, CallEnd, ClaimedCall, SealedCall, ToolGrant};
use crate::agent::tools::digest::value_digest;
use crate::agent::tools::execute::{self, CallContext, CallResult, MAX_WAITING, ReadyCall};
use crate::agent::tools::source::{Outcome, Policy, Who};
use crate::agent::tools::sources::{FindError, OfferedTool, Sources};
use crate::agent::tools::waiting_call::{Question, WaitingCall};
use crate::agent::{Answer, Job};
use crate::supabase::SupabaseError;

/// What cannot be shown cannot be approved.
const MAX_ARGUMENTS: usize = 64 << 10;
/// How long to wait before the end of a call is saved again.
const PAUSE: Duration = Duration::from_millis(500);

impl Run {
    /// Takes out of `asks` what the person has allowed for the rest of the chat.
    pub(super) async fn take_granted(
        &mut self,
        asks: &mut Vec<ReadyCall>,
    ) -> Result<Vec<ReadyCall>, Interruption> {
        if !asks.iter().any(|call| call.tool.tool().may_remember) {
            return Ok(Vec::new());
        }
        let job = self.job.clone();
        let grants = async move { job.recorder.grants(&job.credentials).await };
        let grants = self.wait_for(grants).await?.unwrap_or_else(|error| {
            warn!("what is allowed in the chat cannot be read, so the person is asked: {error}");
            Vec::new()
        });
        let is_granted = |call: &mut ReadyCall| {
            let tool = &call.tool;
            tool.tool().may_remember && grants.iter().any(|grant| allows(grant, tool))
        };
        Ok(asks.extract_if(.., is_granted).collect())
    }

    /// Has the calls wait for a person's decision; those that cannot get a result that says why.
    pub(super) fn ask(&mut self, asks: Vec<ReadyCall>) {
        for call in asks {
            let (part, id) = (call.part, call.id.clone());
            if self.deny_again(&call) {
                continue;
            }
            if let Err(sentence) = self.ask_about(call) {
                let refused = CallResult { part, id, outcome: Outcome::Refused(sentence) };
                self.answer.update(|answer| execute::store(answer, vec![refused]));
            }
        }
    }

    /// Denies a call that the person has denied before in this answer, for the same reason.
    fn deny_again(&self, call: &ReadyCall) -> bool {
        let tool = &call.tool;
        let digest = value_digest(&tool.shown(call.arguments.clone()));
        let answer = self.answer.read();
        let earlier = answer.parts.iter().find_map(|part| match part {
            Part::Tool(part) if part.name == tool.name => match &part.state {
                ToolState::OutputDenied(input) => {
                    let shown = tool.shown(input.clone());
                    (value_digest(&shown) == digest).then(|| part.approval.clone())
                }
                _ => None,
            },
            _ => None,
        });
        drop(answer);
        let Some(earlier) = earlier else { return false };
        let approval = Approval {
            id: Uuid::new_v4().to_string(),
            approved: Some(false),
            shown: Map::new(),
            ..earlier.map(|approval| *approval).unwrap_or_default()
        };
        self.answer.update(|answer| answer.deny(call.part, approval));
        true
    }

    fn ask_about(&mut self, call: ReadyCall) -> Result<(), String> {
        let tool = call.tool.tool();
        let name = &call.tool.name;
        if self.waiting.len() >= MAX_WAITING {
            return Err("Too many calls at once. Make fewer.".to_owned());
        }
        if call.arguments.to_string().len() > MAX_ARGUMENTS {
            return Err(format!(
                "A person has to approve {name}, and nobody can look over arguments of more than 64 KiB. \
                 Send less at once."
            ));
        }
        let id = Uuid::new_v4();
        let (arguments_digest, policy) = (value_digest(&call.arguments), policy(&tool.policy));
        let sealed = SealedCall {
            id,
            call_id: &call.id,
            source: call.tool.source.label(),
            source_tool: &tool.name,
            arguments_digest: &arguments_digest,
            definition_digest: call.tool.digest(),
            policy,
            is_repeatable: tool.is_repeatable,
            may_edit: tool.may_edit,
            may_remember: tool.may_remember,
        };
        let seal = self.job.recorder.seal(self.job.credentials.user_id, &sealed);
        let seal = seal.map_err(|why| {
            format!(
                "{name} runs only with a person's approval, which cannot be asked for here: {why}. Go on \
                 without it."
            )
        })?;
        let ttl = self.settings.approval_ttl;
        let approval = self.approval(id, &call, &arguments_digest);
        let question = Question { id, policy, arguments_digest, seal, ttl };
        info!(tool = name, source = call.tool.source.label(), "a person is asked");
        let ReadyCall { part, id, tool, arguments } = call;
        self.waiting.push(WaitingCall::of_person(id, &tool, arguments, question));
        self.answer.update(|answer| answer.request_approval(part, approval));
        Ok(())
    }

    /// What the person is shown.
    fn approval(&self, id: Uuid, call: &ReadyCall, digest: &str) -> Approval {
        let tool = call.tool.tool();
        let expires_at = self.settings.clock.now() + self.settings.approval_ttl;
        let mut shown = Map::new();
        let mut show = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        for (name, text) in
            [("title", &tool.title), ("target", &tool.target), ("reason", &tool.reason)]
        {
            if let Some(text) = text {
                show(name, text.as_str().into());
            }
        }
        show("expiresAt", expires_at.to_string().into());
        show("digest", digest.into());
        show("mayEdit", tool.may_edit.into());
        show("mayRemember", tool.may_remember.into());
        Approval { id: id.to_string(), shown, ..Approval::default() }
    }

    /// Makes the calls that were approved, side by side, before the model goes on. The end of each is recorded
    /// as soon as it is known.
    pub(super) async fn run_approved(&mut self, approved: &[String]) -> Result<(), Interruption> {
        if approved.is_empty() {
            return Ok(());
        }
        // What is done from here on stays done, whatever fails later.
        self.answer.make_visible();
        let maker = Maker {
            job: self.job.clone(),
            sources: self.settings.sources.clone(),
            who: Who { credentials: self.job.credentials.clone(), role: self.job.role.clone() },
            context: self.call_context(),
        };
        let taken = approved.iter().map(|call_id| {
            let part = part_of(&self.answer.read(), call_id);
            maker.take(call_id.clone(), part)
        });
        let taken: Vec<_> = taken.collect();
        let taken = self.wait_for(join_all(taken)).await?;
        let mut results = Vec::new();
        let mut ready = Vec::new();
        let mut repeatable = HashSet::new();
        for taken in taken {
            match taken? {
                Taken::Ready { call, is_repeatable } => {
                    repeatable.extend(is_repeatable.then(|| call.id.clone()));
                    ready.push(call);
                }
                Taken::Ended(result) => results.extend(result),
            }
        }
        let (payable, refused) = self.pay_for(ready).await?;
        let refusing = refused.into_iter().map(|refused| maker.record(refused));
        let refusing: Vec<_> = refusing.collect();
        for refused in self.wait_for(join_all(refusing)).await? {
            results.push(refused?);
        }
        let made = payable.into_iter().map(|call| {
            let is_repeatable = repeatable.contains(&call.id);
            maker.make(call, is_repeatable)
        });
        let made: Vec<_> = made.collect();
        let made = self.wait_with_progress(join_all(made), &maker.context).await?;
        for made in made {
            results.push(made?);
        }
        self.settle(&results);
        let results = self.keep_files(results).await?;
        self.answer.update(|answer| execute::store(answer, results));
        Ok(())
    }
}

fn allows(grant: &ToolGrant, tool: &OfferedTool) -> bool {
    grant.source == tool.source.label()
        && grant.tool == tool.tool().name
        && grant.definition_digest == tool.digest()
}

fn policy(policy: &Policy) -> &'static str {
    match policy {
        Policy::Unless(_) => "unless",
        Policy::Never | Policy::Always => "always",
    }
}

/// Where a call that was approved is among the parts.
fn part_of(answer: &Answer, call_id: &str) -> Option<usize> {
    answer.parts.iter().position(|part| match part {
        Part::Tool(tool) => {
            tool.id == call_id && matches!(tool.state, ToolState::ApprovalResponded(_))
        }
        _ => false,
    })
}

/// What has become of an approved call.
enum Taken {
    /// It is this run's to make.
    Ready { call: ReadyCall, is_repeatable: bool },
    /// It is not made, or was made before; with its result, if it has a place among the parts.
    Ended(Option<CallResult>),
}

/// Makes approved calls.
#[derive(Clone)]
struct Maker {
    job: Arc<Job>,
    sources: Sources,
    who: Who,
    context: CallContext,
}

impl Maker {
    /// Claims a call, and finds its tool.
    async fn take(&self, call_id: String, part: Option<usize>) -> Result<Taken, Interruption> {
        let result = |outcome| {
            Taken::Ended(part.map(|part| CallResult { part, id: call_id.clone(), outcome }))
        };
        let call = match self.claim(&call_id).await? {
            ClaimedCall::Claimed(call) => call,
            ClaimedCall::Lost => return Err(Failure::Lost.into()),
            ClaimedCall::Ended(outcome) => return Ok(result(ended(outcome))),
            ClaimedCall::Unsealed => {
                let sentence = "Not run: this is not what the person was asked about.";
                return self.refuse(&call_id, sentence.to_owned()).await.map(result);
            }
        };
        let Some(part) = part else {
            let sentence = "Not run: its message was changed.".to_owned();
            self.refuse(&call_id, sentence).await?;
            return Ok(Taken::Ended(None));
        };
        let tool = match self.find(&call).await {
            Ok(tool) => tool,
            Err(sentence) => return self.refuse(&call_id, sentence).await.map(result),
        };
        let is_repeatable = call.is_repeatable;
        let call = ReadyCall { part, id: call_id.clone(), tool, arguments: call.arguments };
        Ok(Taken::Ready { call, is_repeatable })
    }

    /// Makes a call of this run's, and records its end.
    async fn make(&self, call: ReadyCall, is_repeatable: bool) -> Result<CallResult, Interruption> {
        let made = execute::run(call, self.context.clone()).await;
        let (end, outcome) = recorded(&made.outcome, is_repeatable);
        self.finish(&made.id, end, &outcome).await?;
        Ok(made)
    }

    /// Records that there is not enough left to make a call.
    async fn record(&self, refused: CallResult) -> Result<CallResult, Interruption> {
        let (_, outcome) = recorded(&refused.outcome, false);
        self.finish(&refused.id, CallEnd::Superseded, &outcome).await?;
        Ok(refused)
    }

    async fn claim(&self, call_id: &str) -> Result<ClaimedCall, Interruption> {
        loop {
            match self.job.recorder.claim_call(&self.job.credentials, call_id).await {
                Ok(claimed) => return Ok(claimed),
                Err(error) => self.pause(error).await?,
            }
        }
    }

    /// Ends a call that is not made.
    async fn refuse(&self, call_id: &str, sentence: String) -> Result<Outcome, Interruption> {
        info!("an approved call is not made: {sentence}");
        self.finish(call_id, CallEnd::Superseded, &json!({ "error": sentence })).await?;
        Ok(Outcome::Refused(sentence))
    }

    /// What is not recorded is not known: it is tried for as long as the answer is this run's.
    async fn finish(
        &self,
        call_id: &str,
        end: CallEnd,
        outcome: &Value,
    ) -> Result<(), Interruption> {
        let (recorder, credentials) = (&self.job.recorder, &self.job.credentials);
        loop {
            match recorder.finish_call(credentials, call_id, end, outcome).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Failure::Lost.into()),
                Err(error) => self.pause(error).await?,
            }
        }
    }

    async fn pause(&self, error: SupabaseError) -> Result<(), Interruption> {
        if !save::is_transient(&error) {
            return Err(Failure::from(error).into());
        }
        warn!("the state of an approved call cannot be saved, which is tried again: {error}");
        sleep(PAUSE).await;
        Ok(())
    }

    /// The tool, if it is the one that the person was asked about. `Err` is the message for the model.
    async fn find(&self, call: &ApprovedCall) -> Result<Arc<OfferedTool>, String> {
        let ApprovedCall { source, source_tool, definition_digest, .. } = call;
        let found = self.sources.find(source, source_tool, definition_digest, &self.who).await;
        let tool = found.map_err(|error| match error {
            FindError::Missing => "Not run: this tool is not there any more.".to_owned(),
            FindError::Changed => {
                "Not run: the tool has changed since the person was asked. Call it \
                                   again if it is still what you need."
                    .to_owned()
            }
            FindError::Unavailable(why) => {
                format!("Not run: this tool cannot be used at the moment: {why}.")
            }
        })?;
        match tool.prepared(call.arguments.clone()) {
            Ok(_) => Ok(tool),
            Err(why) => Err(format!("Not run: {why}")),
        }
    }
}

/// What has become of a call before, as a result.
fn ended(mut outcome: Value) -> Outcome {
    match (outcome.get("output").is_some(), outcome["error"].as_str()) {
        (true, _) => {
            Outcome::Ok { output: outcome["output"].take(), parts: Vec::new(), files: Vec::new() }
        }
        (false, Some(error)) => Outcome::Refused(error.to_owned()),
        (false, None) => Outcome::Refused("Not run: it was not approved.".to_owned()),
    }
}

/// A result as it is recorded.
fn recorded(outcome: &Outcome, is_repeatable: bool) -> (CallEnd, Value) {
    let (end, outcome) = match outcome {
        Outcome::Ok { output, .. } => (CallEnd::Done, json!({ "output": output })),
        Outcome::Refused(sentence) => (CallEnd::Failed, json!({ "error": sentence })),
        Outcome::Failed { sentence, may_have_happened } => {
            let is_open = *may_have_happened && !is_repeatable;
            let end = if is_open { CallEnd::Unknown } else { CallEnd::Failed };
            (end, json!({ "error": sentence }))
        }
    };
    (end, crate::agent::storable(outcome))
}
