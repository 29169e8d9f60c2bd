//! Removes secrets from providers' messages before they are logged.

const MAX: usize = 2048;

/// The message without keys and tokens, truncated for the log.
pub(super) fn shortened(message: &str) -> String {
    let mut end = message.len().min(MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    redacted(&message[..end])
}

fn redacted(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut after_bearer = false;
    for piece in message.split_inclusive(|c: char| !is_key_character(c)) {
        let word = piece.trim_end_matches(|c: char| !is_key_character(c));
        if looks_secret(word) || after_bearer && !word.is_empty() {
            clean.push_str("[key]");
            clean.push_str(&piece[word.len()..]);
        } else {
            clean.push_str(piece);
        }
        after_bearer = word.eq_ignore_ascii_case("bearer") || after_bearer && word.is_empty();
    }
    clean
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '~' | '+' | '/' | '=')
}

/// The prefixes of the keys in use. Shorter words with such a prefix are ordinary words.
fn looks_secret(word: &str) -> bool {
    const BEGINNINGS: [&str; 8] =
        ["sk-", "sk_", "gsk_", "xai-", "AIza", "sb_secret_", "eyJ", "hf_"];
    let word = word.rsplit('=').next().unwrap_or(word);
    word.len() >= 12 && BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
}
