//! The optional fields of the protocol that a server accepts. Compatible servers lag behind and models
//! differ, so this starts with a guess and learns from refusals.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::{ErrorKind, ProviderError};

/// The options of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// `stream_options`, which requests the usage.
    pub stream_options: bool,
    /// `stream_options.include_obfuscation` can be turned off.
    pub obfuscation: bool,
    /// `max_completion_tokens` instead of `max_tokens`.
    pub max_completion_tokens: bool,
    /// `developer` instead of `system`.
    pub developer: bool,
    /// `reasoning_effort`, if the caller requests one.
    pub reasoning_effort: bool,
    /// `reasoning.summary` of the Responses API, which some organisations cannot use.
    pub reasoning_summary: bool,
    /// `include` of the Responses API, which requests reasoning that can be sent back.
    pub encrypted_reasoning: bool,
}

impl Dialect {
    /// Everything that the current protocol supports.
    pub const MODERN: Self = Self {
        stream_options: true,
        obfuscation: true,
        max_completion_tokens: true,
        developer: true,
        reasoning_effort: true,
        reasoning_summary: true,
        encrypted_reasoning: true,
    };

    /// What nearly all servers support.
    pub const CONSERVATIVE: Self =
        Self { obfuscation: false, max_completion_tokens: false, developer: false, ..Self::MODERN };

    /// The dialect to try instead, if the refusal is about one of the options. An option is revised
    /// once: what differs from `first` is not changed back.
    fn revised(self, first: Self, error: &ProviderError) -> Option<Self> {
        let refusal = Refusal::read(error)?;
        let mut next = self;
        let has_first_limit = self.max_completion_tokens == first.max_completion_tokens;
        if self.obfuscation && refusal.is_unknown("include_obfuscation") {
            next.obfuscation = false;
        } else if self.stream_options && refusal.is_unknown("stream_options") {
            next.stream_options = false;
        } else if has_first_limit && refusal.is_unknown(self.limit_field()) {
            next.max_completion_tokens = !first.max_completion_tokens;
        } else if self.reasoning_effort && refusal.is_unknown("reasoning_effort") {
            next.reasoning_effort = false;
        } else if self.reasoning_summary && refusal.names("reasoning.summary") {
            next.reasoning_summary = false;
        } else if self.encrypted_reasoning && refusal.is_about_encryption() {
            next.encrypted_reasoning = false;
        } else if self.developer && (refusal.names("developer") || refusal.names("role")) {
            next.developer = false;
        }
        (next != self).then_some(next)
    }

    fn limit_field(self) -> &'static str {
        if self.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" }
    }
}

/// A refusal of the request, and the parameter that it is about.
struct Refusal<'a> {
    param: &'a str,
    message: String,
    is_about_value: bool,
}

impl<'a> Refusal<'a> {
    fn read(error: &'a ProviderError) -> Option<Self> {
        let is_refusal = matches!(error.status, Some(400 | 422));
        (is_refusal && error.kind == ErrorKind::InvalidRequest).then(|| Self {
            param: error.param.as_deref().unwrap_or_default(),
            message: error.message.to_lowercase(),
            is_about_value: error.code.as_deref() == Some("unsupported_value"),
        })
    }

    /// If the refusal names a parameter, it is about that one; otherwise the message decides.
    fn names(&self, field: &str) -> bool {
        self.param.contains(field) || self.param.is_empty() && self.message.contains(field)
    }

    fn is_about_encryption(&self) -> bool {
        self.param.starts_with("include") || self.message.contains("encrypted content")
    }

    /// The field itself is unknown, as opposed to its value being refused.
    fn is_unknown(&self, field: &str) -> bool {
        const WORDS: [&str; 7] = [
            "unsupported",
            "not support",
            "unrecognized",
            "unknown",
            "unexpected",
            "not permitted",
            "not allowed",
        ];
        !self.is_about_value
            && self.names(field)
            && WORDS.iter().any(|word| self.message.contains(word))
    }
}

/// The dialects of one connection: the initial guess, and what was learned about each model.
#[derive(Debug)]
pub(crate) struct Dialects {
    first: Dialect,
    learned: Mutex<HashMap<String, Dialect>>,
}

impl Dialects {
    pub fn new(first: Dialect) -> Self {
        Self { first, learned: Mutex::default() }
    }

    /// The dialect to use with a model.
    pub fn for_model(&self, model: &str) -> Dialect {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.get(model).copied().unwrap_or(self.first)
    }

    /// The dialect to try instead of `used`, if that was the reason for the refusal.
    pub fn revised(&self, used: Dialect, refusal: &ProviderError) -> Option<Dialect> {
        used.revised(self.first, refusal)
    }

    /// Records that a model accepted this dialect.
    pub fn learn(&self, model: &str, understood: Dialect) {
        const MAX_MODELS: usize = 1000;
        if understood == self.for_model(model) {
            return;
        }
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if learned.len() >= MAX_MODELS {
            learned.clear();
        }
        learned.insert(model.to_owned(), understood);
    }
}
