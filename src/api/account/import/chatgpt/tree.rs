//! The messages of a conversation's tree, each after the one that it follows.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::format::{Conversation, Message, Node, text, time};
use super::rows::{MessageRow, id, shortened};

const MAX_MODEL: usize = 200;

/// What is left out of a conversation, as reports name it.
pub type LeftOut = BTreeMap<&'static str, u64>;

/// What a message becomes.
enum Kept {
    Message {
        role: &'static str,
        text: String,
    },
    LeftOut(&'static str),
    /// Nothing that anybody would miss.
    Nothing,
}

/// The names of the nodes on the path that was shown.
fn path(conversation: &Conversation) -> HashMap<&str, ()> {
    let mapping = &conversation.mapping;
    let newest = || {
        let time = |node: &Node| node.message.as_ref().and_then(|message| message.create_time);
        let newest = mapping.iter().max_by(|(_, a), (_, b)| {
            time(a).unwrap_or(f64::MIN).total_cmp(&time(b).unwrap_or(f64::MIN))
        });
        newest.map(|(name, _)| name.as_str())
    };
    let shown = conversation.current_node.as_deref().filter(|name| mapping.contains_key(*name));
    let mut path = HashMap::new();
    let mut next = shown.or_else(newest);
    // A name that is there already is a circle.
    while let Some((name, node)) = next.and_then(|name| mapping.get_key_value(name)) {
        if path.insert(name.as_str(), ()).is_some() {
            break;
        }
        next = node.parent.as_deref();
    }
    path
}

/// A conversation's tree while it is visited.
pub(super) struct Tree<'a> {
    user_id: Uuid,
    source: &'a str,
    chat_id: Uuid,
    mapping: &'a HashMap<String, Node>,
    path: HashMap<&'a str, ()>,
    messages: Vec<MessageRow>,
    left_out: LeftOut,
}

impl<'a> Tree<'a> {
    /// The tree of a user's conversation that the export calls `source`, which becomes this chat.
    pub(super) fn new(
        user_id: Uuid,
        source: &'a str,
        chat_id: Uuid,
        conversation: &'a Conversation,
    ) -> Self {
        Self {
            user_id,
            source,
            chat_id,
            mapping: &conversation.mapping,
            path: path(conversation),
            messages: Vec::new(),
            left_out: LeftOut::new(),
        }
    }

    /// Its messages, all later than `started_at`, and what is left out of them.
    pub(super) fn messages(mut self, started_at: Timestamp) -> (Vec<MessageRow>, LeftOut) {
        self.read(started_at);
        (self.messages, self.left_out)
    }

    /// Visits the tree from its roots, earlier messages first. What is in a circle has no root.
    fn read(&mut self, started_at: Timestamp) {
        let mut children: HashMap<Option<&str>, Vec<&'a str>> = HashMap::new();
        for (name, node) in self.mapping {
            let parent = node.parent.as_deref().filter(|name| self.mapping.contains_key(*name));
            children.entry(parent).or_default().push(name);
        }
        for siblings in children.values_mut() {
            siblings.sort_by_key(|name| (self.created_at(name), *name));
        }
        let mut visited = 0;
        // A node, the message that it follows, and what its own has to be later than.
        let roots = children.get(&None).into_iter().flatten().rev();
        let mut open: Vec<(&str, Option<Uuid>, Timestamp)> =
            roots.map(|name| (*name, None, started_at)).collect();
        while let Some((name, parent, after)) = open.pop() {
            visited += 1;
            let (parent, after) = self.visit(name, parent, after);
            let next = children.get(&Some(name)).into_iter().flatten().rev();
            open.extend(next.map(|child| (*child, parent, after)));
        }
        let unreachable = self.mapping.len().saturating_sub(visited) as u64;
        if unreachable > 0 {
            *self.left_out.entry("unconnected").or_default() += unreachable;
        }
    }

    fn created_at(&self, name: &str) -> Option<Timestamp> {
        time(self.mapping.get(name)?.message.as_ref()?.create_time)
    }

    /// Adds the node's message, if it has one that is kept; what its children follow.
    fn visit(
        &mut self,
        name: &str,
        parent: Option<Uuid>,
        after: Timestamp,
    ) -> (Option<Uuid>, Timestamp) {
        let Some(message) = self.mapping.get(name).and_then(|node| node.message.as_ref()) else {
            return (parent, after);
        };
        let (role, text) = match self.kept(message) {
            Kept::Message { role, text } => (role, text),
            Kept::LeftOut(what) => {
                *self.left_out.entry(what).or_default() += 1;
                return (parent, after);
            }
            Kept::Nothing => return (parent, after),
        };
        let later = after + jiff::SignedDuration::from_micros(1);
        let created_at = time(message.create_time).map_or(later, |time| time.max(later));
        let id = id(self.user_id, &["message", self.source, name]);
        let model = message.metadata.model_slug.as_deref().filter(|_| role == "assistant");
        self.messages.push(MessageRow {
            id,
            chat_id: self.chat_id,
            parent_id: parent,
            role,
            parts: json!([{ "type": "text", "text": text }]),
            content: text,
            model: model.map(|model| shortened(model, MAX_MODEL)).filter(|model| !model.is_empty()),
            is_active: self.path.contains_key(name),
            metadata: json!({ "imported_from": "chatgpt" }),
            created_at,
        });
        (Some(id), created_at)
    }

    fn kept(&mut self, message: &Message) -> Kept {
        let role = match message.author.role.as_str() {
            "user" => "user",
            "assistant" => "assistant",
            "tool" => return Kept::LeftOut("tool_messages"),
            _ => return Kept::Nothing,
        };
        if message.metadata.is_visually_hidden_from_conversation {
            return Kept::LeftOut("hidden_messages");
        }
        if message.recipient.as_deref().is_some_and(|recipient| recipient != "all") {
            return Kept::LeftOut("tool_messages");
        }
        match message.content.content_type.as_str() {
            "text" | "multimodal_text" => {}
            "thoughts" | "reasoning_recap" => return Kept::LeftOut("reasoning"),
            "code" | "execution_output" => return Kept::LeftOut("tool_messages"),
            _ => return Kept::LeftOut("other_messages"),
        }
        let texts = message.content.parts.iter().filter_map(text).filter(|text| !text.is_empty());
        let text = texts.collect::<Vec<_>>().join("\n\n").replace('\0', "\u{fffd}");
        let files = message.content.parts.iter().filter(|part| self::text(part).is_none()).count();
        if files > 0 {
            *self.left_out.entry("attachments").or_default() += files as u64;
        }
        if text.trim().is_empty() { Kept::Nothing } else { Kept::Message { role, text } }
    }
}
