//! Which of the models that OpenAI lists can chat.

/// OpenAI lists models of every kind, and does not say which.
pub(super) fn is_chat_model(id: &str) -> bool {
    const OTHERS: [&str; 13] = [
        "embedding",
        "whisper",
        "tts",
        "dall-e",
        "image",
        "audio",
        "realtime",
        "moderation",
        "transcribe",
        "sora",
        "babbage",
        "davinci",
        "instruct",
    ];
    !OTHERS.iter().any(|other| id.contains(other))
}

#[cfg(test)]
mod tests {
    use super::is_chat_model;

    #[test]
    fn leaves_out_what_does_not_chat() {
        assert!(is_chat_model("gpt-6-sol") && is_chat_model("chat-latest"));
        assert!(!is_chat_model("text-embedding-3-large") && !is_chat_model("gpt-realtime"));
    }
}
