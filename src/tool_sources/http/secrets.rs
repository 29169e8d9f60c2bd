//! Secrets in headers, and their removal from what endpoints send back.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// What stands in the place of a secret.
const MASK: &str = "•••";
/// Shorter ones are no secrets, and stand in many texts by chance.
const MIN_LENGTH: usize = 6;

/// Replaces each `${NAME}` by a secret. `Err` names the one that is missing.
pub fn expand(
    text: &str,
    secrets: &HashMap<String, SecretString>,
) -> Result<(String, Vec<SecretString>), String> {
    let (mut expanded, mut used) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("has a ${ without its }")?;
        let secret = secrets.get(name);
        let secret = secret.ok_or_else(|| format!("${{{name}}} is not in `secrets`"))?;
        expanded.push_str(before);
        expanded.push_str(secret.expose_secret());
        used.push(secret.clone());
        rest = after;
    }
    expanded.push_str(rest);
    Ok((expanded, used))
}

/// Removes secrets from texts.
pub struct Scrubber<'a>(Vec<&'a str>);

impl<'a> Scrubber<'a> {
    /// Removes these.
    pub fn new(secrets: impl Iterator<Item = &'a str>) -> Self {
        Self(secrets.filter(|secret| secret.len() >= MIN_LENGTH).collect())
    }

    /// How long the longest one is: so much of the end of a cut text may be a part of it.
    pub fn longest(&self) -> usize {
        self.0.iter().map(|secret| secret.len()).max().unwrap_or(0)
    }

    /// The text without them. All are looked for before any is removed: of one that has another in it, or
    /// overlaps with it, nothing is left.
    pub fn text(&self, text: String) -> String {
        let found = self.0.iter().flat_map(|secret| {
            text.match_indices(secret).map(|(start, secret)| (start, start + secret.len()))
        });
        let mut found: Vec<_> = found.collect();
        if found.is_empty() {
            return text;
        }
        found.sort_unstable();
        let (mut scrubbed, mut kept_to) = (String::with_capacity(text.len()), 0);
        for (start, end) in found {
            if start >= kept_to {
                scrubbed.push_str(&text[kept_to..start]);
                scrubbed.push_str(MASK);
            }
            kept_to = kept_to.max(end);
        }
        scrubbed.push_str(&text[kept_to..]);
        scrubbed
    }

    /// The value without them. Values come from serde_json, which bounds their depth.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                let members = members.into_iter();
                let members = members.map(|(name, value)| (self.text(name), self.value(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_put_in_and_taken_out() {
        let secrets = [("KEY", "hunter22"), ("B", "other/one")];
        let secrets =
            secrets.map(|(name, value)| (name.to_owned(), SecretString::from(value))).into();
        let (text, used) = expand("Bearer ${KEY}:${B}$", &secrets).unwrap();
        assert_eq!((text.as_str(), used.len()), ("Bearer hunter22:other/one$", 2));
        assert_eq!(expand("${MISSING}", &secrets).unwrap_err(), "${MISSING} is not in `secrets`");
        assert!(expand("${KEY", &secrets).is_err());
        let scrubber = Scrubber::new(["hunter22", "other/one", "a"].into_iter());
        let echo: Value =
            serde_json::from_str(r#"{"hunter22": ["a Bearer hunter22", "other\/one"], "n": 1}"#)
                .unwrap();
        assert_eq!(scrubber.value(echo), json!({ "•••": ["a Bearer •••", "•••"], "n": 1 }));
    }

    #[test]
    fn of_secrets_in_one_another_nothing_is_left() {
        let scrubber = Scrubber::new(["sk-live-1", "sk-live-12345", "45-other-one"].into_iter());
        let scrub = |text: &str| scrubber.text(text.to_owned());
        assert_eq!(scrub("a sk-live-12345 b"), "a ••• b");
        assert_eq!(scrub("sk-live-1, sk-live-12345-other-one."), "•••, •••.");
        assert_eq!(scrub("sk-live-1sk-live-12345"), "••••••");
        assert_eq!(scrub("nothing"), "nothing");
    }
}
