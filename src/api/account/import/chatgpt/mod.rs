//! Conversations as ChatGPT's export has them, made into rows. Pure.
//!
//! A conversation is a tree of nodes (`mapping`), each with its parent and perhaps a message; `current_node` is
//! the last one of the path that was shown. Messages of tools, of the model's reasoning and hidden ones are left
//! out; what follows them follows what they followed.

mod format;
mod rows;
mod tree;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use self::format::{Conversation, time};
pub(super) use self::rows::{ChatRow, MessageRow};
use self::rows::{id, shortened};
pub(super) use self::tree::LeftOut;
use self::tree::Tree;
use crate::api::chats::model::UNTITLED;

/// The most nodes that a conversation may have.
const MAX_NODES: usize = 20_000;
const MAX_TITLE: usize = 200;

/// A conversation as rows.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) chat: ChatRow,
    /// Each after the one that it follows.
    pub(super) messages: Vec<MessageRow>,
    pub(super) left_out: LeftOut,
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

/// Reads a conversation of a user. The ids of the rows follow from the user and from the conversation's own, so
/// that a second import finds them.
pub(super) fn read(user_id: Uuid, text: &[u8], now: Timestamp) -> Result<Imported, Unusable> {
    let conversation: Conversation =
        serde_json::from_slice(text).map_err(|_| Unusable::Unreadable)?;
    if conversation.mapping.len() > MAX_NODES {
        return Err(Unusable::TooManyMessages);
    }
    let own_id = conversation.conversation_id.clone().or_else(|| conversation.id.clone());
    let source = own_id.unwrap_or_else(|| {
        let title = conversation.title.as_deref().unwrap_or_default();
        format!("{title} {:?}", conversation.create_time)
    });
    let chat_id = id(user_id, &["chat", &source]);
    let started_at = time(conversation.create_time).unwrap_or(now);
    let tree = Tree::new(user_id, &source, chat_id, &conversation);
    let (messages, left_out) = tree.messages(started_at);
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

fn title(title: Option<&str>) -> String {
    let visible: String =
        title.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
    match visible.trim() {
        "" => UNTITLED.to_owned(),
        title => title.to_owned(),
    }
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
