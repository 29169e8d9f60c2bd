//! The end of an answer's parts.

use serde_json::json;

use super::{Answer, Status};
use crate::agent::message::part::{Part, ToolState};

/// What is said of calls that were dropped while they ran.
const STOPPED_CALL: &str =
    "The person stopped this call while it ran. It may have done its work all the same.";
const ENDED_CALL: &str =
    "The answer ended while this call ran. It may have done its work all the same.";

impl Answer {
    /// Closes all parts, so that the answer can be stored with this status; calls that are whole may wait.
    pub(in crate::agent) fn close_all(&mut self, status: Status) {
        self.close_block();
        self.close_hosted_calls();
        for (index, part) in self.parts.iter_mut().enumerate() {
            let Part::Tool(tool) = part else { continue };
            let input = match &tool.state {
                ToolState::InputStreaming => json!({}),
                // What becomes of those that were approved is in the database.
                ToolState::InputAvailable(input) | ToolState::ApprovalRequested(input)
                    if status != Status::Awaiting =>
                {
                    input.clone()
                }
                _ => continue,
            };
            let error_text = match (self.running.contains(&index), status) {
                (true, Status::Stopped) => STOPPED_CALL,
                (true, _) => ENDED_CALL,
                (false, _) => "The tool was not run: the answer ended before.",
            };
            tool.state = ToolState::OutputError { input, error_text: error_text.to_owned() };
        }
        // A step in which nothing happened is not worth keeping.
        if self.parts.last() == Some(&Part::StepStart) {
            self.parts.pop();
        }
    }
}
