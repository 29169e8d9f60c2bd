//! Events of a model's answer, in vendor-neutral terms.

use std::pin::Pin;

use futures_util::Stream;
use serde_json::Value;

use super::{Opaque, ProviderError};

/// The events of one call. Dropping it cancels the provider's request. The stream ends after
/// [`Event::End`], or with one `Err`; any known usage is emitted before either.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ProviderError>> + Send>>;

/// An event of a model's answer. Blocks (text, reasoning, a tool call) begin with their first delta or
/// start and end when another block begins, with an explicit end, or with `End`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More text of the answer. Never empty.
    Text(String),
    /// The current text is complete; more text is a new block.
    TextEnd {
        /// What must be sent back with the text.
        opaque: Option<Opaque>,
    },
    /// More reasoning of the model. Never empty.
    Reasoning(String),
    /// The current reasoning is complete. It may have no readable text at all: hidden reasoning, or
    /// another block that only its provider understands and that must be sent back in this position.
    ReasoningEnd {
        /// What must be sent back byte for byte.
        opaque: Option<Opaque>,
    },
    /// The start of a tool call. Calls may overlap; `index` distinguishes them.
    ToolCallStart {
        /// Position among the calls of this answer: 0, 1, 2…
        index: usize,
        /// The provider's id, or a generated one if it gives none.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments, JSON text. Never empty.
    ToolCallDelta {
        /// The index of the call.
        index: usize,
        /// The next piece of JSON text.
        arguments: String,
    },
    /// A call is complete. Run it only if `End` follows and its reason is `ToolCalls`.
    ToolCallEnd {
        /// The index of the call.
        index: usize,
        /// All of its arguments: `{}` when the provider sent none; possibly invalid JSON.
        arguments: String,
        /// What must be sent back byte for byte with the call.
        opaque: Option<Opaque>,
    },
    /// The start of a call of a tool that the provider runs. Its blocks come besides, as reasoning that goes
    /// back unchanged.
    HostedCallStart {
        /// The provider's id.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// What the provider's tool is called with.
    HostedCall {
        /// The id of the call.
        id: String,
        /// JSON text.
        arguments: String,
    },
    /// What came of a call of the provider's tool, for people: what the model needs of it goes back as it
    /// came.
    HostedResult {
        /// The id of the call.
        id: String,
        /// The result, or why there is none.
        outcome: Result<Value, String>,
    },
    /// Something that the answer is based on. It comes between blocks, and again each time.
    Source {
        /// The address.
        url: String,
        /// The title, where it is known.
        title: Option<String>,
    },
    /// The usage so far; replaces any earlier one.
    Usage(Usage),
    /// The provider failed after it had sent the whole answer and the stop reason; `End` follows. The
    /// text is for the log.
    FailedAfterEnd(String),
    /// The answer has ended. Nothing follows.
    End {
        /// Why the model stopped.
        finish_reason: FinishReason,
    },
}

/// Token usage of one call. `input` includes cached and cache-write tokens, `output` includes
/// reasoning, for every provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// All input tokens.
    pub input_tokens: u64,
    /// All output tokens.
    pub output_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's cache, for all lifetimes together.
    pub cache_write_input_tokens: u64,
    /// Cache writes with a lifetime of an hour (Anthropic) or twelve (OpenAI), which cost more.
    pub long_cache_write_input_tokens: u64,
    /// Output tokens used for reasoning.
    pub reasoning_tokens: u64,
    /// Searches of the web by the provider, which are paid for one by one.
    pub searches: u64,
    /// The cost in USD, if the provider reports it (OpenRouter).
    pub cost_usd: Option<f64>,
    /// The provider's own usage object, unless it is larger than 16 KiB.
    pub raw: Option<Value>,
}

impl Usage {
    /// Limits every part to its total, and the totals to a plausible maximum, whatever the provider
    /// reports.
    pub(crate) fn clamped(mut self) -> Self {
        const MAX: u64 = 1_000_000_000_000;
        const MAX_SEARCHES: u64 = 10_000;
        self.input_tokens = self.input_tokens.min(MAX);
        self.output_tokens = self.output_tokens.min(MAX);
        self.searches = self.searches.min(MAX_SEARCHES);
        self.cost_usd = self.cost_usd.filter(|cost| (0.0..1e9).contains(cost));
        self.cached_input_tokens = self.cached_input_tokens.min(self.input_tokens);
        let uncached = self.input_tokens - self.cached_input_tokens;
        self.cache_write_input_tokens = self.cache_write_input_tokens.min(uncached);
        self.long_cache_write_input_tokens =
            self.long_cache_write_input_tokens.min(self.cache_write_input_tokens);
        self.reasoning_tokens = self.reasoning_tokens.min(self.output_tokens);
        self
    }

    /// Stores the provider's own object, if it is not too large.
    pub(super) fn with_raw(mut self, raw: Value, length: usize) -> Self {
        const MAX: usize = 16 * 1024;
        self.raw = (length <= MAX).then_some(raw);
        self
    }
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// One of the stop sequences in `Request::stop` was generated.
    StopSequence,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// The output limit was reached.
    Length,
    /// The end of the context window was reached.
    ContextWindow,
    /// The provider's content filter stopped it.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The model paused and is to be called again with its answer so far.
    Paused,
    /// A reason that is not known here, under the provider's own name, at most 100 characters.
    Other(String),
}

impl FinishReason {
    /// The name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence => "stop_sequence",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContextWindow => "context_window",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Paused => "paused",
            Self::Other(word) => word,
        }
    }

    /// An unknown reason of the provider, truncated and cleaned so that it can be stored.
    pub(super) fn other(word: &str) -> Self {
        const MAX: usize = 100;
        let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        Self::Other(word.chars().take(MAX).map(clean).collect())
    }

    /// Many servers send `stop` although the model waits for tools, and some the reverse.
    pub(super) fn given_calls(self, has_calls: bool) -> Self {
        match self {
            Self::Stop | Self::Other(_) if has_calls => Self::ToolCalls,
            Self::ToolCalls if !has_calls => Self::Stop,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FinishReason;

    #[test]
    fn unknown_words_can_be_stored() {
        for (word, expected) in [
            ("tired", "tired".to_owned()),
            ("a\0b", "a\u{fffd}b".to_owned()),
            (&"é".repeat(300), "é".repeat(100)),
        ] {
            assert_eq!(FinishReason::other(word).as_str(), expected);
        }
    }
}
