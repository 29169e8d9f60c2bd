//! Messages: their parts, the prompt that a history makes, and the stream that clients read.

pub(super) mod answer;
pub(super) mod changes;
pub(super) mod citations;
pub(super) mod delta;
pub(super) mod history;
pub(super) mod hosted_call;
pub(super) mod live;
pub(super) mod approval;
pub(super) mod part;
pub(super) mod prompt;
pub(super) mod sanitize;
pub(super) mod subscribers;
pub(super) mod turn;
pub(super) mod ui_stream;
