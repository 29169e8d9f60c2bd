//! What a source has listed.

use std::sync::Arc;

use super::definition::Definition;
use crate::agent::tools::source::{SourceKind, SourceTool};

/// The most tools of one source, and what they may take together.
const MAX_TOOLS: usize = 512;
const MAX_BYTES: usize = 4 << 20;
/// How many tools are made ready before others get their turn.
const BATCH: usize = 16;

/// What a source has listed.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) tools: Vec<Arc<Definition>>,
    /// The tools that cannot be offered, and why.
    pub(super) left_out: Vec<(String, String)>,
    /// Why there is nothing.
    pub(super) error: Option<String>,
    /// About how much memory it takes.
    pub(super) bytes: usize,
}

impl Listing {
    /// Makes tools ready to be offered.
    pub(super) async fn new(label: &str, kind: SourceKind, tools: Vec<SourceTool>) -> Self {
        let mut listing = Self::default();
        let count = tools.len();
        for (index, tool) in tools.into_iter().enumerate() {
            if index == MAX_TOOLS || listing.bytes > MAX_BYTES {
                let more = count - index;
                let why =
                    format!("it has {count} tools, which is too many: {more} are not looked at");
                listing.left_out.push((label.to_owned(), why));
                break;
            }
            if index % BATCH == BATCH - 1 {
                tokio::task::yield_now().await;
            }
            let name: String = tool.name.chars().take(100).collect();
            match Definition::new(label, kind, tool) {
                Ok(definition) => {
                    listing.bytes += definition.bytes();
                    listing.tools.push(Arc::new(definition));
                }
                Err(why) => listing.left_out.push((name, why)),
            }
        }
        listing
    }

    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// How many tools are others than those of the same name before.
    pub(super) fn changes_since(&self, before: &Self) -> usize {
        let digest = |name: &str| {
            let old = before.tools.iter().find(|old| old.tool.name == name);
            old.map(|old| &old.digest)
        };
        let changed = |new: &&Arc<Definition>| {
            digest(&new.tool.name).is_some_and(|digest| *digest != new.digest)
        };
        self.tools.iter().filter(changed).count()
    }
}
