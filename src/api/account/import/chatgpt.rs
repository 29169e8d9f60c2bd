//! Conversations as ChatGPT's export has them, made into rows. Pure.
//!
//! A conversation is a tree of nodes (`mapping`), each with its parent and perhaps a message; `current_node` is
//! the last one of the path that was shown. Messages of tools, of the model's reasoning and hidden ones are left
//! out; what follows them follows what they followed.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::chats::model::UNTITLED;

/// The most nodes that a conversation may have.
const MAX_NODES: usize = 20_000;
const MAX_TITLE: usize = 200;
const MAX_MODEL: usize = 200;

#[derive(Debug, Deserialize)]
struct Conversation {
    #[serde(alias = "id")]
    conversation_id: Option<String>,
    title: Option<String>,
    create_time: Option<f64>,
    #[serde(default)]
    mapping: HashMap<String, Node>,
    current_node: Option<String>,
    is_archived: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Node {
    message: Option<Message>,
    parent: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    author: Author,
    create_time: Option<f64>,
    content: Content,
    recipient: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Author {
    role: String,
}

#[derive(Debug, Default, Deserialize)]
struct Content {
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    parts: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    model_slug: Option<String>,
    #[serde(default)]
    is_visually_hidden_from_conversation: bool,
}

/// What is left out of a conversation, as reports name it.
pub(super) type LeftOut = BTreeMap<&'static str, u64>;

/// A conversation as rows.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) chat: ChatRow,
    /// Each after the one that it follows.
    pub(super) messages: Vec<MessageRow>,
    pub(super) left_out: LeftOut,
}

/// A row of `chats`.
#[derive(Debug, Serialize)]
pub(super) struct ChatRow {
    pub(super) id: Uuid,
    pub(super) title: String,
    is_archived: bool,
    metadata: Value,
    created_at: Timestamp,
}

/// A row of `messages`.
#[derive(Debug, Serialize)]
pub(super) struct MessageRow {
    id: Uuid,
    chat_id: Uuid,
    parent_id: Option<Uuid>,
    role: &'static str,
    content: String,
    parts: Value,
    model: Option<String>,
    is_active: bool,
    metadata: Value,
    created_at: Timestamp,
}

/// Why a conversation is not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is not what ChatGPT writes.
    Unreadable,
    /// It has too many messages.
    TooManyMessages,
    /// Nothing of it is a message that can be shown.
    Empty,
}

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

/// Reads a conversation of a user. The ids of the rows follow from the user and from the conversation's own, so
/// that a second import finds them.
pub(super) fn read(user_id: Uuid, text: &[u8], now: Timestamp) -> Result<Imported, Unusable> {
    let conversation: Conversation =
        serde_json::from_slice(text).map_err(|_| Unusable::Unreadable)?;
    if conversation.mapping.len() > MAX_NODES {
        return Err(Unusable::TooManyMessages);
    }
    let source = conversation.conversation_id.clone().unwrap_or_else(|| {
        let title = conversation.title.as_deref().unwrap_or_default();
        format!("{title} {:?}", conversation.create_time)
    });
    let chat_id = id(user_id, &["chat", &source]);
    let started_at = time(conversation.create_time).unwrap_or(now);
    let mut reader = Reader {
        user_id,
        source: &source,
        chat_id,
        mapping: &conversation.mapping,
        path: path(&conversation),
        messages: Vec::new(),
        left_out: LeftOut::new(),
    };
    reader.read(started_at);
    let Reader { messages, left_out, .. } = reader;
    if messages.is_empty() {
        return Err(Unusable::Empty);
    }
    let chat = ChatRow {
        id: chat_id,
        title: title(conversation.title.as_deref()),
        is_archived: conversation.is_archived.unwrap_or(false),
        metadata: json!({ "imported_from": "chatgpt", "conversation_id": shortened(&source, 200) }),
        created_at: started_at,
    };
    Ok(Imported { chat, messages, left_out })
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

struct Reader<'a> {
    user_id: Uuid,
    source: &'a str,
    chat_id: Uuid,
    mapping: &'a HashMap<String, Node>,
    path: HashMap<&'a str, ()>,
    messages: Vec<MessageRow>,
    left_out: LeftOut,
}

impl<'a> Reader<'a> {
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

/// The text of a part: it is one, or what was heard of a voice.
fn text(part: &Value) -> Option<&str> {
    let transcript = || {
        let is_transcript = part.get("content_type")?.as_str()? == "audio_transcription";
        part.get("text").and_then(Value::as_str).filter(|_| is_transcript)
    };
    part.as_str().or_else(transcript)
}

fn title(title: Option<&str>) -> String {
    let visible: String =
        title.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
    match visible.trim() {
        "" => UNTITLED.to_owned(),
        title => title.to_owned(),
    }
}

fn shortened(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

/// Seconds since 1970, if they are a time that a database and all clients can read.
fn time(seconds: Option<f64>) -> Option<Timestamp> {
    let seconds = seconds.filter(|seconds| (0.0..=250_000_000_000.0).contains(seconds))?;
    // In range, so nothing is lost but parts of microseconds.
    Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
}

fn id(user_id: Uuid, parts: &[&str]) -> Uuid {
    Uuid::new_v5(&user_id, format!("chatgpt {}", parts.join("\u{1f}")).as_bytes())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{Imported, Unusable, read};

    fn node(parent: Option<&str>, role: &str, time: f64, text: &str) -> Value {
        json!({ "parent": parent, "children": [], "message": { "author": { "role": role },
            "create_time": time, "content": { "content_type": "text", "parts": [text] } } })
    }

    fn imported(conversation: &Value) -> Result<Imported, Unusable> {
        read(Uuid::nil(), conversation.to_string().as_bytes(), Timestamp::UNIX_EPOCH)
    }

    /// Role, text, whether it is active, and the text that it follows.
    fn shown(imported: &Imported) -> Vec<(&str, &str, bool, Option<&str>)> {
        let text_of =
            |id| imported.messages.iter().find(|m| m.id == id).map(|m| m.content.as_str());
        let row = |m: &super::MessageRow| m.parent_id.and_then(text_of);
        let rows = imported.messages.iter();
        rows.map(|m| (m.role, m.content.as_str(), m.is_active, row(m))).collect::<Vec<_>>()
    }

    #[test]
    fn branches_follow_what_they_followed() {
        let mut conversation = json!({ "id": "c", "title": " Trip\n", "create_time": 5.0,
            "current_node": "d", "mapping": {
                "root": { "parent": null, "message": null },
                "a": node(Some("root"), "user", 10.0, "Where?"),
                "t": node(Some("a"), "tool", 10.5, "{}"),
                "b": node(Some("t"), "assistant", 11.0, "Rome"),
                "c": node(Some("a"), "assistant", 12.0, "Paris"),
                "d": node(Some("c"), "user", 1.0, "Why?"),
            } });
        let trip = imported(&conversation).unwrap();
        assert_eq!((trip.chat.title.as_str(), trip.left_out["tool_messages"]), ("Trip", 1));
        assert_eq!(
            shown(&trip),
            [
                ("user", "Where?", true, None),
                ("assistant", "Rome", false, Some("Where?")),
                ("assistant", "Paris", true, Some("Where?")),
                ("user", "Why?", true, Some("Paris")),
            ]
        );
        // Each is later than what it follows.
        assert!(trip.messages[3].created_at > trip.messages[2].created_at);
        let again = imported(&conversation).unwrap();
        assert_eq!(again.messages[2].id, trip.messages[2].id);
        conversation["id"] = json!("other");
        assert_ne!(imported(&conversation).unwrap().messages[2].id, trip.messages[2].id);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut picture = node(None, "user", 1.0, "Look");
        picture["message"]["content"] = json!({ "content_type": "multimodal_text",
            "parts": [{ "content_type": "image_asset_pointer", "asset_pointer": "file-service://x" }, "Look"] });
        let mut hidden = node(Some("p"), "user", 2.0, "About me");
        hidden["message"]["metadata"] = json!({ "is_visually_hidden_from_conversation": true });
        let mut thoughts = node(Some("h"), "assistant", 3.0, "");
        thoughts["message"]["content"] = json!({ "content_type": "thoughts", "thoughts": [] });
        let mut call = node(Some("t"), "assistant", 4.0, "search()");
        call["message"]["recipient"] = json!("browser");
        let conversation = json!({ "conversation_id": "c", "mapping": { "p": picture, "h": hidden,
            "t": thoughts, "x": call, "o": node(Some("o"), "user", 9.0, "Circle"),
            "s": node(Some("x"), "system", 4.0, "You are"), "a": node(Some("s"), "assistant", 5.0, "I see") } });
        let imported = imported(&conversation).unwrap();
        let counts: Vec<_> = imported.left_out.into_iter().collect();
        assert_eq!(
            counts,
            [
                ("attachments", 1),
                ("hidden_messages", 1),
                ("reasoning", 1),
                ("tool_messages", 1),
                ("unconnected", 1),
            ]
        );
    }

    #[test]
    fn nonsense_is_refused_or_survived() {
        for (conversation, reason) in [
            (json!({}), Unusable::Empty),
            (json!({ "mapping": {} }), Unusable::Empty),
            (json!({ "mapping": [1] }), Unusable::Unreadable),
            (json!({ "mapping": { "a": { "message": 5 } } }), Unusable::Unreadable),
            (
                json!({ "mapping": { "a": node(Some("b"), "user", 1.0, "x"),
                "b": node(Some("a"), "user", 1.0, "x") } }),
                Unusable::Empty,
            ),
        ] {
            assert_eq!(imported(&conversation).unwrap_err(), reason, "{conversation}");
        }
        let odd = json!({ "title": "\u{0}", "create_time": 1e300, "current_node": "nope",
            "mapping": { "a": node(Some("gone"), "user", -5.0, "a\u{0}b") } });
        let odd = imported(&odd).unwrap();
        assert_eq!(
            (odd.chat.title.as_str(), odd.messages[0].content.as_str()),
            ("New chat", "a\u{fffd}b")
        );
        // A chain as long as they come.
        let mut mapping = serde_json::Map::new();
        for n in 0..20_000 {
            let parent = (n > 0).then(|| (n - 1).to_string());
            mapping.insert(n.to_string(), node(parent.as_deref(), "user", f64::from(n), "x"));
        }
        let long = imported(&json!({ "mapping": mapping })).unwrap();
        assert_eq!(long.messages.len(), 20_000);
        assert!(long.messages.iter().all(|message| message.is_active));
    }
}
