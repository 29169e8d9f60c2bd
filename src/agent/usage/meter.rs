//! Adds up the tokens of an answer's calls: reported by the provider, or estimated and marked so.

use serde_json::{Value, json};

use super::reservation::{OVERHEAD_TOKENS, tool_bytes};
use super::{TokenUsage, UsageSource, estimated_tokens};
use crate::agent::message::{prompt, sanitize};
use crate::config::file::assistants::Instructions;
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, Content, HostedKind, HostedTool, Request, Usage};

/// The longest JSON that `usage_logs.raw` takes is 64 KiB, as PostgreSQL writes it: with spaces.
const MAX_RAW: usize = 32 << 10;

/// What the results of one use of a provider's tool may add to the input, which nobody knows before.
const HOSTED_TOKENS: u64 = 16_384;

/// Counts the tokens of an answer's calls, and what its tools cost.
#[derive(Default)]
pub(in crate::agent) struct UsageMeter {
    done: Vec<CallUsage>,
    current: Option<Call>,
    tools: Vec<ToolUsage>,
}

/// One call under way.
struct Call {
    model: ChosenModel,
    input_estimate: u64,
    /// How long the answer was when the call began.
    bytes_before: usize,
    request: RequestState,
    reported: Option<Usage>,
    /// The provider's searches that were heard of, and the price of one.
    searches: u64,
    search_price: Usd,
}

/// What has become of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestState {
    /// Nothing has been heard of it. It may have been accepted.
    Sent,
    /// It costs, whatever comes of it.
    Accepted,
    /// It costs nothing.
    Refused,
}

/// The tokens of one call.
#[derive(Clone)]
struct CallUsage {
    model: ChosenModel,
    usage: Usage,
    source: UsageSource,
    search_price: Usd,
}

/// The calls of a tool that has a price.
#[derive(Clone, PartialEq)]
struct ToolUsage {
    tool: String,
    price: Usd,
    calls: u64,
}

/// All calls together.
#[derive(Clone)]
pub(in crate::agent) struct UsageTotal {
    calls: Vec<CallUsage>,
    tools: Vec<ToolUsage>,
}

impl UsageMeter {
    pub(in crate::agent) fn begin_call(
        &mut self,
        model: &ChosenModel,
        request: &Request,
        bytes_before: usize,
    ) {
        self.current = Some(Call {
            model: model.clone(),
            input_estimate: estimated_input(request),
            bytes_before,
            request: RequestState::Sent,
            reported: None,
            searches: 0,
            search_price: search_price(request),
        });
    }

    /// Counts a call of a tool at its price. It counts from before it is made: whether it was is not known
    /// if nothing is heard of the server any more.
    pub(in crate::agent) fn begin_tool(&mut self, tool: &str, price: Usd) {
        let is_same = |usage: &&mut ToolUsage| usage.tool == tool && usage.price == price;
        match self.tools.iter_mut().find(is_same) {
            Some(usage) => usage.calls += 1,
            None => self.tools.push(ToolUsage { tool: tool.to_owned(), price, calls: 1 }),
        }
    }

    /// Takes back one that has come to nothing.
    pub(in crate::agent) fn refund_tool(&mut self, tool: &str, price: Usd) {
        let is_same = |usage: &&mut ToolUsage| usage.tool == tool && usage.price == price;
        if let Some(usage) = self.tools.iter_mut().find(is_same) {
            usage.calls = usage.calls.saturating_sub(1);
        }
        self.tools.retain(|usage| usage.calls > 0);
    }

    /// The provider has begun to search.
    pub(in crate::agent) fn begin_search(&mut self) {
        if let Some(call) = &mut self.current {
            call.searches += 1;
        }
    }

    /// Ends a call in whose place another model is asked. One that was refused is forgotten.
    pub(in crate::agent) fn abandon_call(&mut self, bytes: usize) {
        if self.current.as_ref().is_some_and(|call| call.request != RequestState::Refused) {
            self.end_call(bytes, false);
        }
        self.current = None;
    }

    pub(in crate::agent) fn call_accepted(&mut self) {
        self.set_request(RequestState::Accepted);
    }

    pub(in crate::agent) fn call_refused(&mut self) {
        self.set_request(RequestState::Refused);
    }

    fn set_request(&mut self, state: RequestState) {
        if let Some(call) = &mut self.current {
            call.request = state;
        }
    }

    pub(in crate::agent) fn report(&mut self, usage: Usage) {
        if let Some(call) = &mut self.current {
            call.reported = Some(usage);
        }
    }

    /// Ends the call under way, if there is one. Without an end of the provider's own, its count is
    /// not the last word.
    pub(in crate::agent) fn end_call(&mut self, bytes: usize, is_whole: bool) {
        if let Some(call) = self.current.take() {
            self.done.push(call.call_usage(bytes, is_whole));
        }
    }

    /// Whether anything was called that may cost.
    pub(in crate::agent) fn has_calls(&self) -> bool {
        self.has_model_calls() || !self.tools.is_empty()
    }

    /// Whether a model was called at all.
    pub(in crate::agent) fn has_model_calls(&self) -> bool {
        !self.done.is_empty() || self.current.is_some()
    }

    /// The tokens if nothing more is heard of the call under way. A request that may have been taken counts:
    /// whether it was is known only when its answer begins.
    ///
    /// None before the first call: what the row was born with is a better estimate.
    pub(in crate::agent) fn so_far(&self, bytes: usize) -> Option<UsageTotal> {
        let current = self.current.as_ref().map(|call| call.so_far(bytes));
        let calls: Vec<_> = self.done.iter().cloned().chain(current).collect();
        self.has_calls().then(|| UsageTotal { calls, tools: self.tools.clone() })
    }

    /// The call under way, or else the last one.
    pub(in crate::agent) fn last_call(&self, bytes: usize) -> Option<UsageTotal> {
        let current = self.current.as_ref().map(|call| call.so_far(bytes));
        let call = current.or_else(|| self.done.last().cloned())?;
        Some(UsageTotal { calls: vec![call], tools: Vec::new() })
    }

    pub(in crate::agent) fn total(&self) -> UsageTotal {
        UsageTotal { calls: self.done.clone(), tools: self.tools.clone() }
    }
}

impl Call {
    fn call_usage(&self, bytes: usize, is_whole: bool) -> CallUsage {
        let (usage, source) = match self.request {
            RequestState::Sent | RequestState::Accepted => self.usage(bytes, is_whole),
            RequestState::Refused => (Usage::default(), UsageSource::Missing),
        };
        self.with(usage, source)
    }

    fn so_far(&self, bytes: usize) -> CallUsage {
        let (usage, source) = self.usage(bytes, false);
        self.with(usage, source)
    }

    fn with(&self, usage: Usage, source: UsageSource) -> CallUsage {
        CallUsage { model: self.model.clone(), usage, source, search_price: self.search_price }
    }

    /// What the provider reports. A zero for what was there is no report.
    fn usage(&self, bytes: usize, is_whole: bool) -> (Usage, UsageSource) {
        let mut usage = self.reported.clone().unwrap_or_default();
        let output = estimated_tokens(bytes.saturating_sub(self.bytes_before));
        let is_reported =
            is_whole && usage.input_tokens > 0 && (usage.output_tokens > 0 || output == 0);
        if is_reported {
            return (usage, UsageSource::Reported);
        }
        if usage.input_tokens == 0 {
            usage.input_tokens = self.input_estimate;
        }
        usage.output_tokens = usage.output_tokens.max(output);
        usage.searches = usage.searches.max(self.searches);
        (usage, UsageSource::Estimated)
    }
}

impl UsageTotal {
    /// All tokens.
    pub(in crate::agent) fn tokens(&self) -> TokenUsage {
        let mut tokens = TokenUsage::default();
        for call_usage in &self.calls {
            tokens += TokenUsage::from(&call_usage.usage);
        }
        tokens
    }

    /// The cost, tools included, if each call's is known.
    pub(in crate::agent) fn cost(&self) -> Option<Usd> {
        let models: Option<Usd> = self.calls.iter().map(CallUsage::cost).sum();
        models.map(|models| models + self.tools_cost())
    }

    /// What tools have cost.
    pub(in crate::agent) fn tools_cost(&self) -> Usd {
        self.tools.iter().map(|usage| usage.price.times(usage.calls)).sum()
    }

    /// What each call has cost, and the prices of which that is made.
    pub(in crate::agent) fn prices(&self) -> Option<Value> {
        let models = self.calls.iter().filter_map(CallUsage::price);
        let paid: Vec<_> = models.chain(self.tools.iter().map(ToolUsage::price)).collect();
        let prices = (!paid.is_empty()).then_some(Value::Array(paid));
        prices.filter(|prices| prices.to_string().len() <= MAX_RAW)
    }

    /// The least certain of the calls' sources.
    pub(in crate::agent) fn source(&self) -> UsageSource {
        let has = |source| self.calls.iter().any(|call_usage| call_usage.source == source);
        if has(UsageSource::Estimated) {
            UsageSource::Estimated
        } else if has(UsageSource::Reported) || !self.tools.is_empty() {
            UsageSource::Reported
        } else {
            UsageSource::Missing
        }
    }

    /// The usage as the providers reported it, unless it is too long: one object, or one for each call. What
    /// may repeat an assistant's instructions is left out.
    pub(in crate::agent) fn raw(&self, instructions: Option<&Instructions>) -> Option<Value> {
        let raw = self.calls.iter().filter_map(|call_usage| call_usage.usage.raw.clone());
        let mut raw: Vec<_> = raw.map(sanitize::json).collect();
        if let Some(instructions) = instructions {
            raw = raw.into_iter().filter_map(|raw| numbers(raw, instructions)).collect();
        }
        let raw = if raw.len() <= 1 { raw.pop() } else { Some(Value::Array(raw)) };
        raw.filter(|raw| raw.to_string().len() <= MAX_RAW)
    }
}

impl CallUsage {
    fn cost(&self) -> Option<Usd> {
        let searches = self.search_price.times(self.usage.searches);
        // What was refused has no tokens.
        if self.usage.input_tokens + self.usage.output_tokens == 0 {
            return Some(self.usage.cost_usd.map(Usd::from_f64).unwrap_or_default() + searches);
        }
        self.model.cost(&self.usage).map(|tokens| tokens + searches)
    }

    fn price(&self) -> Option<Value> {
        let usage = &self.usage;
        let cost_usd = self.cost().filter(|_| usage.input_tokens + usage.output_tokens > 0)?;
        let mut price = json!({
            "model": self.model.id,
            "input_tokens": usage.input_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "cache_write_input_tokens": usage.cache_write_input_tokens,
            "long_cache_write_input_tokens": usage.long_cache_write_input_tokens,
            "output_tokens": usage.output_tokens,
            "reported_usd": usage.cost_usd,
            "cost_usd": cost_usd,
            "usd_per_million_tokens": self.model.prices(),
        });
        if usage.searches > 0 {
            price["searches"] = usage.searches.into();
            price["usd_per_search"] = json!(self.search_price);
        }
        Some(price)
    }
}

impl ToolUsage {
    fn price(&self) -> Value {
        let cost_usd = self.price.times(self.calls);
        json!({ "tool": self.tool, "calls": self.calls, "usd_per_call": self.price,
            "cost_usd": cost_usd })
    }
}

/// The numbers of a value under their names; texts may be anything.
fn numbers(value: Value, instructions: &Instructions) -> Option<Value> {
    let is_name = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
            && !instructions.are_repeated_by(name)
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(name, _)| is_name(name));
            let members =
                members.filter_map(|(name, value)| Some((name, numbers(value, instructions)?)));
            Some(Value::Object(members.collect()))
        }
        Value::Array(items) => {
            Some(items.into_iter().filter_map(|item| numbers(item, instructions)).collect())
        }
        Value::String(_) => None,
        number => Some(number),
    }
}

/// The most tokens that a request can have: one for each byte, and about what the provider's tools may add.
pub(in crate::agent) fn most_input(request: &Request, window: Option<u64>) -> u64 {
    let bytes = u64::try_from(request_bytes(request)).unwrap_or(u64::MAX);
    let uses = request.hosted_tools.iter().filter_map(|tool| tool.max_uses).map(u64::from);
    let hosted = uses.fold(0, u64::saturating_add).saturating_mul(HOSTED_TOKENS);
    let most = bytes.saturating_add(4 * OVERHEAD_TOKENS).saturating_add(hosted);
    most.min(window.unwrap_or(u64::MAX))
}

/// The most that the uses of the provider's tools can cost besides tokens.
pub(in crate::agent) fn most_for_hosted(request: &Request) -> Usd {
    let tools = request.hosted_tools.iter();
    tools.map(|tool| tool.price().times(tool.max_uses.unwrap_or(0).into())).sum()
}

/// What a search of the provider's costs.
fn search_price(request: &Request) -> Usd {
    let search = request.hosted_tools.iter().find(|tool| tool.kind == HostedKind::WebSearch);
    search.map_or(HostedKind::WebSearch.usual_price(), HostedTool::price)
}

/// About how many tokens a request has.
pub(in crate::agent) fn estimated_input(request: &Request) -> u64 {
    estimated_tokens(request_bytes(request))
}

fn request_bytes(request: &Request) -> usize {
    let contents = request.messages.iter().flat_map(|message| &message.content);
    let content_bytes: usize = contents
        .map(|content| match content {
            Content::Text { text, .. } => text.len(),
            Content::Reasoning { text, .. } => text.len(),
            Content::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
            Content::ToolResult { output, .. } => output.len(),
            Content::Image { .. } => 4_000,
            Content::Document { media_type, base64, .. } => {
                prompt::document_size(media_type, base64)
            }
        })
        .sum();
    let tools: usize = request.tools.iter().map(tool_bytes).sum();
    content_bytes + tools + request.system.as_ref().map_or(0, String::len)
}
