//! All sources of tools of this process: what they offer to a turn.

mod definition;
mod entry;
mod listing;
mod names;
mod offered;

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::join_all;

use self::definition::Definition;
use self::entry::Entry;
use self::listing::Listing;
use self::names::{Taken, Unnamed};
use super::built_in::BuiltIn;
use super::source::{SourceKind, ToolSource, Who};
use crate::clock::Clock;
use crate::observability::metrics::Metrics;

pub use self::entry::SourceHealth;
pub use self::offered::{Offered, OfferedTool};

/// The most tools that a model is offered.
const MAX_OFFERED: usize = 64;
/// The most warnings about what is missing.
const MAX_WARNINGS: usize = 10;

/// All sources of tools. Clones share them.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    entries: RwLock<Arc<[Arc<Entry>]>>,
    /// The tools of the scripted model, so that a front end can show tool calls without an API key.
    demo: Vec<Arc<OfferedTool>>,
    clock: Clock,
    metrics: Metrics,
}

/// Which tools a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolSelection {
    /// Those that the operator offers to all requests.
    Default,
    /// These: labels of sources, or names of tools as models are shown them.
    Named(Vec<String>),
}

/// A tool as a person is told of it.
pub struct DescribedTool {
    /// The label of its source.
    pub source: String,
    /// What its source is.
    pub kind: SourceKind,
    /// Whether requests that name no tools are offered it.
    pub is_default: bool,
    /// The tool, if it can be offered.
    pub tool: Option<Arc<OfferedTool>>,
    /// The name by which it is known otherwise.
    pub name: String,
    /// Why it cannot be offered.
    pub reason: Option<String>,
}

/// Why a tool is not found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindError {
    /// There is no such source or tool any more.
    Missing,
    /// The tool is described otherwise than it was.
    Changed,
    /// The source cannot be asked at the moment.
    Unavailable(String),
}

/// What the sources that were asked have listed.
type Listings = Vec<(Arc<Entry>, Arc<Listing>)>;

impl Sources {
    /// The tools of this server. `demo` is for the scripted model.
    pub fn new(built_in: BuiltIn, demo: BuiltIn, clock: Clock, metrics: Metrics) -> Self {
        let tools = demo.tools();
        let demo: Arc<dyn ToolSource> = Arc::new(demo);
        let tools = tools.into_iter().filter_map(|tool| {
            let definition = Arc::new(Definition::new(demo.label(), demo.kind(), tool).ok()?);
            let name = definition.for_model.name.clone();
            Some(Arc::new(OfferedTool { name, source: demo.clone(), definition }))
        });
        let demo = tools.collect();
        let entries = [Entry::new(Arc::new(built_in), clock.clone(), metrics.clone())];
        let entries = RwLock::new(entries.into());
        Self { inner: Arc::new(Inner { entries, demo, clock, metrics }) }
    }

    /// Takes these, in the order in which models are shown their tools, in the place of all but the built-in
    /// one: the configuration was read. Turns under way keep what they have been offered.
    pub fn replace(&self, sources: Vec<Arc<dyn ToolSource>>) {
        let (clock, metrics) = (&self.inner.clock, &self.inner.metrics);
        let built_in = self.entries();
        let built_in = built_in.iter().filter(|entry| entry.source.kind() == SourceKind::BuiltIn);
        let new = |source| Entry::new(source, clock.clone(), metrics.clone());
        let entries: Vec<_> = built_in.cloned().chain(sources.into_iter().map(new)).collect();
        *self.inner.entries.write().unwrap_or_else(PoisonError::into_inner) = entries.into();
    }

    fn entries(&self) -> Arc<[Arc<Entry>]> {
        self.inner.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tools of the scripted model.
    pub fn demo(&self) -> &[Arc<OfferedTool>] {
        &self.inner.demo
    }

    /// Whether a name is the label of a source, or a tool's that never changes.
    pub fn has_name(&self, name: &str) -> bool {
        self.taken(&self.entries()).contains(name)
    }

    /// The names by which a request can ask for tools, for people.
    pub fn known_names(&self) -> Vec<String> {
        let entries = self.entries();
        let names = entries.iter().flat_map(|entry| match entry.source.fixed_names() {
            names if names.is_empty() => vec![entry.label().to_owned()],
            names => names,
        });
        names.collect()
    }

    /// How the last listing of each source went, by its label.
    pub fn health(&self) -> Vec<(String, SourceKind, Option<SourceHealth>)> {
        let entries = self.entries();
        let foreign = entries.iter().filter(|entry| entry.source.kind() != SourceKind::BuiltIn);
        let health =
            |entry: &Arc<Entry>| (entry.label().to_owned(), entry.source.kind(), entry.health());
        foreign.map(health).collect()
    }

    /// What a turn offers to its model. Sources that no part of the selection can come from are not asked.
    pub async fn offer(&self, selection: &ToolSelection, who: &Who) -> Offered {
        let entries = self.entries();
        let asked = asked(&entries, selection);
        if asked.is_empty() {
            return Offered::default();
        }
        let listings = list(asked, who).await;
        let tools = name_all(&listings, &self.taken(&entries));
        let mut offered = Offered::default();
        match selection {
            ToolSelection::Default => offered.tools = tools.into_iter().flatten().collect(),
            ToolSelection::Named(names) => {
                for name in names {
                    let found = select(&tools, &listings, name);
                    if found.is_empty() && !entries.iter().any(|entry| entry.label() == name) {
                        offered.unknown.push(name.clone());
                    }
                    offered.tools.extend(found);
                }
                deduplicate(&mut offered.tools);
            }
        }
        for (entry, listing) in &listings {
            offered.has_failed |= listing.error.is_some();
            if !offered.unknown.is_empty() || is_selected(entry.label(), selection) {
                offered.warnings.extend(warnings(entry.label(), listing));
            }
        }
        if offered.tools.len() > MAX_OFFERED {
            let count = offered.tools.len();
            offered.tools.truncate(MAX_OFFERED);
            let warning = format!(
                "There are {count} tools; the model is offered the first {MAX_OFFERED} of them."
            );
            offered.warnings.push(warning);
        }
        offered.warnings.truncate(MAX_WARNINGS);
        offered
    }

    /// The tool that a person was asked about, by its source's label and its name there, if it is still what it
    /// was then.
    pub async fn find(
        &self,
        label: &str,
        name: &str,
        digest: &str,
        who: &Who,
    ) -> Result<Arc<OfferedTool>, FindError> {
        let is_named = |tool: &&Arc<OfferedTool>| tool.tool().name == name;
        let mut demo = self.demo().iter().filter(|tool| tool.source.label() == label);
        let tool = match demo.find(is_named) {
            Some(tool) => tool.clone(),
            None => self.find_listed(label, name, who).await?,
        };
        if tool.digest() == digest { Ok(tool) } else { Err(FindError::Changed) }
    }

    async fn find_listed(
        &self,
        label: &str,
        name: &str,
        who: &Who,
    ) -> Result<Arc<OfferedTool>, FindError> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.label() == label);
        let entry = entry.ok_or(FindError::Missing)?;
        let listings = list(vec![entry.clone()], who).await;
        if let Some(error) = listings.iter().find_map(|(_, listing)| listing.error.clone()) {
            return Err(FindError::Unavailable(error));
        }
        let tools = name_all(&listings, &self.taken(&entries)).into_iter().flatten();
        let mut same = tools.filter(|tool| tool.tool().name == name);
        same.next().ok_or(FindError::Missing)
    }

    /// All tools of this user, for people: also what is missing, and why.
    pub async fn describe(&self, who: &Who) -> Vec<DescribedTool> {
        let entries = self.entries();
        let listings = list(entries.to_vec(), who).await;
        let tools = name_all(&listings, &self.taken(&entries));
        let mut described = Vec::new();
        for ((entry, listing), tools) in listings.iter().zip(tools) {
            let missing = |name: &str, reason: &str| DescribedTool {
                source: entry.label().to_owned(),
                kind: entry.source.kind(),
                is_default: entry.source.is_default(),
                tool: None,
                name: name.to_owned(),
                reason: Some(reason.to_owned()),
            };
            described.extend(tools.into_iter().map(|tool| DescribedTool {
                name: tool.name.clone(),
                tool: Some(tool),
                reason: None,
                ..missing("", "")
            }));
            described.extend(listing.left_out.iter().map(|(name, why)| missing(name, why)));
            described.extend(listing.error.iter().map(|error| missing(entry.label(), error)));
        }
        described
    }

    fn taken(&self, entries: &[Arc<Entry>]) -> Taken {
        let of_sources = entries.iter().flat_map(|entry| {
            let label = entry.label().to_owned();
            let names = entry.source.fixed_names().into_iter().chain([label.clone()]);
            names.map(move |name| (name, label.clone()))
        });
        let of_demo = self.inner.demo.iter();
        let of_demo = of_demo.map(|tool| (tool.name.clone(), tool.source.label().to_owned()));
        Taken::new(of_sources.chain(of_demo))
    }
}

/// The sources that the tools of a selection may come from.
fn asked(entries: &[Arc<Entry>], selection: &ToolSelection) -> Vec<Arc<Entry>> {
    let names = match selection {
        ToolSelection::Default => {
            return entries.iter().filter(|entry| entry.source.is_default()).cloned().collect();
        }
        ToolSelection::Named(names) => names,
    };
    let has_name = |entry: &Arc<Entry>, name: &String| {
        entry.label() == name || entry.source.fixed_names().contains(name)
    };
    let is_plain = |name: &String| entries.iter().any(|entry| has_name(entry, name));
    if !names.iter().all(is_plain) {
        return entries.to_vec();
    }
    let is_named = |entry: &&Arc<Entry>| names.iter().any(|name| has_name(entry, name));
    entries.iter().filter(is_named).cloned().collect()
}

async fn list(entries: Vec<Arc<Entry>>, who: &Who) -> Listings {
    let listings = entries.iter().map(|entry| entry.listing(who));
    let listings = join_all(listings).await;
    entries.into_iter().zip(listings).collect()
}

/// The tools of each source under the names by which models call them.
fn name_all(listings: &Listings, taken: &Taken) -> Vec<Vec<Arc<OfferedTool>>> {
    let all = listings.iter().flat_map(|(entry, listing)| {
        listing.tools.iter().map(|definition| Unnamed {
            label: entry.label(),
            name: &definition.tool.name,
            plain: &definition.for_model.name,
        })
    });
    let all: Vec<_> = all.collect();
    let mut names = names::shown(&all, taken).into_iter();
    let named = listings.iter().map(|(entry, listing)| {
        let names = names.by_ref().take(listing.tools.len());
        let tools = names.zip(&listing.tools).filter_map(|(name, definition)| {
            let (source, definition) = (entry.source.clone(), definition.clone());
            Some(Arc::new(OfferedTool { name: name?, source, definition }))
        });
        tools.collect()
    });
    named.collect()
}

/// The tools that a name of a request means: those of a source, or one by its name, also where that is another
/// because there are two with it.
fn select(
    tools: &[Vec<Arc<OfferedTool>>],
    listings: &Listings,
    name: &str,
) -> Vec<Arc<OfferedTool>> {
    let of_source = listings.iter().position(|(entry, _)| entry.label() == name);
    if let Some(of_source) = of_source.and_then(|index| tools.get(index)) {
        return of_source.clone();
    }
    let all = tools.iter().flatten();
    let shown: Vec<_> = all.clone().filter(|tool| tool.name == name).cloned().collect();
    match shown.is_empty() {
        true => all.filter(|tool| tool.definition.for_model.name == name).cloned().collect(),
        false => shown,
    }
}

fn deduplicate(tools: &mut Vec<Arc<OfferedTool>>) {
    let mut names = std::collections::HashSet::new();
    tools.retain(|tool| names.insert(tool.name.clone()));
}

/// Whether a selection has tools of this source.
fn is_selected(label: &str, selection: &ToolSelection) -> bool {
    let ToolSelection::Named(names) = selection else { return true };
    names.iter().any(|name| {
        name.strip_prefix(label).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// What is missing of a source.
fn warnings(label: &str, listing: &Listing) -> impl Iterator<Item = String> {
    let error = listing.error.iter();
    let error = error.map(move |error| format!("The tools of {label} are missing: {error}."));
    let left_out = listing.left_out.iter();
    let left_out =
        left_out.map(move |(name, why)| format!("The tool {name} of {label} is left out: {why}."));
    error.chain(left_out)
}
