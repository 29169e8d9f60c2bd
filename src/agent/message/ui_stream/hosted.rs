//! Frames of tools that the provider runs.

use super::frames::{Frame, put};
use crate::agent::message::hosted_call::{HostedCall, HostedState};

/// What a listener has of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostedSent {
    Start,
    Call,
}

impl HostedSent {
    pub(super) fn start(call: &HostedCall, out: &mut Vec<u8>) -> Self {
        let (tool_call_id, tool_name) = (&*call.id, &*call.name);
        put(out, &Frame::HostedStart { tool_call_id, tool_name, provider_executed: true });
        Self::Start
    }

    /// Sends what is new; whether that was all.
    pub(super) fn advance(&mut self, call: &HostedCall, out: &mut Vec<u8>) -> bool {
        let (tool_call_id, tool_name) = (&*call.id, &*call.name);
        let provider_executed = true;
        if let Some(input) = call.state.input().filter(|_| *self == Self::Start) {
            *self = Self::Call;
            put(out, &Frame::HostedCall { tool_call_id, tool_name, input, provider_executed });
        }
        match &call.state {
            HostedState::Started | HostedState::Called(_) => return false,
            HostedState::Done { output, .. } => {
                put(out, &Frame::HostedOutput { tool_call_id, output, provider_executed });
            }
            HostedState::Failed { error_text, .. } => {
                put(out, &Frame::HostedError { tool_call_id, error_text, provider_executed });
            }
        }
        true
    }
}
