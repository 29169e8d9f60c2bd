//! What a turn offers to its models.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::agent::ClientTool;
use crate::agent::tools::source::SourceKind;
use crate::agent::tools::sources::Offered;
use crate::providers::Content;
use crate::providers::catalogue::Usd;

/// What a turn offers to its models. It stays the same until the turn ends.
#[derive(Default)]
pub(super) struct TurnTools {
    pub(super) offered: Offered,
    /// The page's tools: the request's, and those that the message has called before.
    pub(super) of_page: Vec<Arc<ClientTool>>,
    /// Pictures that tools have made in this turn, as the model is shown them.
    pub(super) files: HashMap<Uuid, Content>,
    /// The calls under way that have a price, by their ids.
    pub(super) paid: HashMap<String, PaidCall>,
}

/// A call under way that has a price.
pub(super) struct PaidCall {
    pub(super) tool: String,
    pub(super) kind: SourceKind,
    pub(super) price: Usd,
}

impl TurnTools {
    pub(super) fn files(&self) -> &HashMap<Uuid, Content> {
        &self.files
    }

    /// Whether something runs in the page.
    pub(super) fn need_the_page(&self) -> bool {
        !self.of_page.is_empty()
    }

    /// The names by which the model is offered tools of this server.
    pub(super) fn names(&self) -> Vec<String> {
        self.offered.tools.iter().map(|tool| tool.name.clone()).collect()
    }
}
