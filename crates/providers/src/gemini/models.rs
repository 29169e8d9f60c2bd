//! The models that Gemini lists.

use crate::catalogue::{Capability, Model};

/// The model as it can be requested; `None` if it is not a chat model.
pub(super) fn described(mut model: Model) -> Option<Model> {
    let id = model.id.strip_prefix("models/").unwrap_or(&model.id).to_owned();
    if !is_chat_model(&id) {
        return None;
    }
    if model.name == model.id {
        model.name.clone_from(&id);
    }
    model.id = id;
    model.capabilities = vec![Capability::Text, Capability::Vision, Capability::Tools];
    Some(model)
}

/// The list contains models of every kind, and does not say which.
fn is_chat_model(id: &str) -> bool {
    const OTHERS: [&str; 6] = ["embedding", "image", "tts", "live", "audio", "robotics"];
    let is_family = id.starts_with("gemini") || id.starts_with("gemma");
    is_family && !OTHERS.iter().any(|other| id.contains(other))
}
