//! Assembles tool calls from fragments, which servers number, name and identify in different ways.

use uuid::Uuid;

use super::wire::{CallDelta, FunctionDelta};
use crate::decoder::{Events, SizeBudget};
use crate::{Event, Opaque, ProviderError, ProviderName};

/// The tool calls of one answer so far.
#[derive(Debug)]
pub(super) struct Calls {
    provider: ProviderName,
    calls: Vec<Call>,
    /// The number of emitted calls, whose positions follow that order.
    emitted: usize,
    size: SizeBudget,
}

#[derive(Debug, Default)]
struct Call {
    /// The position, once the call has been emitted.
    position: Option<usize>,
    wire_index: Option<usize>,
    id: String,
    /// The server did not send an id.
    is_id_made_up: bool,
    arguments: String,
    extra_content: Option<String>,
}

impl Calls {
    pub fn new(provider: ProviderName) -> Self {
        Self { provider, calls: Vec::new(), emitted: 0, size: SizeBudget::default() }
    }

    pub fn any(&self) -> bool {
        self.emitted > 0
    }

    /// Applies one fragment.
    pub fn accept(
        &mut self,
        delta: CallDelta<'_>,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        let function = delta.function.unwrap_or_default();
        let id = delta.id.filter(|id| !id.is_empty());
        let name = function.name.filter(|name| !name.is_empty());
        let found = self.find(delta.index, id.as_deref(), name.is_some());
        let beginning = if found.is_none() { SizeBudget::BLOCK } else { 0 };
        self.size.add(beginning + function.arguments.len(), &self.provider)?;
        let at = found.unwrap_or_else(|| self.begin(delta.index, id));
        let call = &mut self.calls[at];
        if let Some(extra_content) = delta.extra_content {
            call.extra_content = Some(extra_content.get().to_owned());
        }
        call.arguments.push_str(&function.arguments);
        match (call.position, name) {
            (Some(index), _) => emit_arguments(index, function.arguments, events),
            (None, Some(name)) => self.emit(at, name, events),
            (None, None) => {}
        }
        Ok(())
    }

    /// A call can be emitted once it has a name, with the arguments that arrived before it.
    fn emit(&mut self, at: usize, name: String, events: &mut Events) {
        let index = self.emitted;
        self.emitted += 1;
        let call = &mut self.calls[at];
        call.position = Some(index);
        events.push_back(Event::ToolCallStart { index, id: call.id.clone(), name });
        emit_arguments(index, call.arguments.clone(), events);
    }

    /// The call that a fragment continues; `None` if it starts a new one. An index with a different id
    /// is a new call (Ollama), unless the id arrives late; without an index or id, a name is a new
    /// call (Gemini).
    fn find(&self, index: Option<usize>, id: Option<&str>, is_named: bool) -> Option<usize> {
        let latest = |continues: &dyn Fn(&Call) -> bool| self.calls.iter().rposition(continues);
        match (index, id) {
            (Some(index), id) => {
                let at = latest(&|call| call.wire_index == Some(index))?;
                let call = &self.calls[at];
                let is_other =
                    id.is_some_and(|id| call.id != id) && (is_named || !call.is_id_made_up);
                (!is_other).then_some(at)
            }
            (None, Some(id)) => latest(&|call| call.id == id),
            (None, None) if is_named => None,
            (None, None) => self.calls.len().checked_sub(1),
        }
    }

    fn begin(&mut self, wire_index: Option<usize>, id: Option<String>) -> usize {
        let is_id_made_up = id.is_none();
        let id = id.unwrap_or_else(|| format!("call_{}", Uuid::new_v4().simple()));
        self.calls.push(Call { wire_index, id, is_id_made_up, ..Call::default() });
        self.calls.len() - 1
    }

    /// Completes all calls. A call without a name cannot be run and was never emitted.
    pub fn finish(&mut self, events: &mut Events) {
        for call in self.calls.drain(..) {
            let Some(index) = call.position else { continue };
            let is_empty = call.arguments.trim().is_empty();
            let arguments = if is_empty { "{}".to_owned() } else { call.arguments };
            let opaque =
                call.extra_content.map(|json| Opaque { provider: self.provider.clone(), json });
            events.push_back(Event::ToolCallEnd { index, arguments, opaque });
        }
    }
}

fn emit_arguments(index: usize, arguments: String, events: &mut Events) {
    if !arguments.is_empty() {
        events.push_back(Event::ToolCallDelta { index, arguments });
    }
}

/// The legacy form of `tool_calls`: a single call without index and id.
pub(super) fn legacy(function: FunctionDelta) -> CallDelta<'static> {
    CallDelta { index: Some(0), function: Some(function), ..CallDelta::default() }
}
