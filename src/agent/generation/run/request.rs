//! The request that a model is sent.

use reqwest::header::HeaderMap;

use super::Run;
use crate::agent::generation::recorder::Started;
use crate::agent::message::prompt;
use crate::config::file::assistants::Overridable;
use crate::providers::catalogue::Capability;
use crate::providers::{ChosenModel, Deadlines, Message, Request};

impl Run {
    /// An assistant's instructions come first and, unless the operator leaves them to the request, alone.
    fn system<'a>(&'a self, started: &'a Started) -> Vec<&'a str> {
        let options = &self.job.options;
        let own = options.system.as_ref().or(started.system_prompt.as_ref());
        let own = own.into_iter().chain(&options.context).map(String::as_str);
        match &self.job.terms.assistant {
            Some(assistant) => {
                let takes = assistant.leaves(Overridable::System);
                let own = own.filter(|_| takes);
                std::iter::once(assistant.instructions.expose()).chain(own).collect()
            }
            None => own.collect(),
        }
    }

    pub(super) fn request(
        &self,
        started: &Started,
        turns: &[Message],
        model: &ChosenModel,
    ) -> Request {
        let options = &self.job.options;
        let max_output_tokens =
            self.budget.output_cap(options.max_output_tokens, options.output_limit, model);
        let system = self.system(started);
        let system = Some(system.join("\n\n")).filter(|system| !system.is_empty());
        let messages = prompt::conversation(
            &started.history,
            turns,
            system.as_deref(),
            model.context_window(),
            max_output_tokens,
        );
        let (sees, reads_pdf) = (model.can(Capability::Vision), model.can(Capability::Documents));
        let messages = prompt::readable(messages, sees, reads_pdf);
        Request {
            model: String::new(),
            system,
            messages,
            tools: self.definitions(model),
            hosted_tools: self.hosted_tools(model),
            tool_choice: options.tool_choice.clone(),
            parallel_tool_calls: options.parallel_tool_calls,
            max_output_tokens,
            temperature: options.temperature,
            top_p: options.top_p,
            stop: options.stop.clone(),
            reasoning_effort: options.reasoning_effort,
            response_format: options.response_format.clone(),
            deadlines: Deadlines {
                deadline: Some(self.answer.deadline(self.settings.generation_timeout)),
                retries_end: None,
            },
            headers: HeaderMap::new(),
        }
    }
}
