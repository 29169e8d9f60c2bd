//! The comment that makes a function a tool.
//!
//! ```text
//! @tool [name]               the name for the model; else the function's
//! @param <argument> <text>   what an argument means
//! @approval never|always     whether a person is asked
//! @repeatable                a call whose result was lost may be made again
//! @security_definer          yes, models may call it with its owner's rights
//! @schema <JSON>             in place of the schema of the arguments
//! ```
//!
//! They begin a line, or follow `@tool` on its line; all other text is the description.

use serde_json::{Deserializer, Value};

/// The longest comment that is read, in characters.
pub(super) const MAX_CHARS: usize = 8192;

/// What a comment says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Comment {
    pub(super) name: Option<String>,
    pub(super) description: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) approval: Option<Approval>,
    pub(super) is_repeatable: bool,
    pub(super) may_define: bool,
    pub(super) schema: Option<Value>,
    /// What could not be understood.
    pub(super) mistakes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approval {
    Never,
    Always,
}

impl Comment {
    /// Reads a comment that begins with `@tool`.
    pub(super) fn read(text: &str) -> Self {
        let mut comment = Self::default();
        let text = text.trim_start();
        let mut rest = text.strip_prefix("@tool").unwrap_or(text);
        if let Some((name, after)) = name(rest) {
            comment.name = Some(name.to_owned());
            rest = after;
        }
        while !rest.is_empty() {
            rest = comment.line(rest);
        }
        comment.description = comment.description.trim().to_owned();
        comment
    }

    /// Reads what the text begins with, up to the end of a line or a marker; answers the rest.
    fn line<'a>(&mut self, text: &'a str) -> &'a str {
        let text = text.trim_start_matches([' ', '\t', '\r']);
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        let Some(marker) = marker(line) else {
            self.description.push_str(line.trim_end());
            self.description.push('\n');
            return after;
        };
        let rest = &text[1 + marker.len()..];
        match marker {
            "repeatable" => self.is_repeatable = true,
            "security_definer" => self.may_define = true,
            "approval" => return self.approval(rest),
            "schema" => return self.schema(rest),
            "param" => {
                let (name, text) = split_word(&line[1 + marker.len()..]);
                self.parameters.push((name.to_owned(), text.trim().to_owned()));
                return after;
            }
            other => {
                self.mistakes.push(format!("@{other} is not known"));
                return after;
            }
        }
        rest
    }

    fn approval<'a>(&mut self, text: &'a str) -> &'a str {
        let (word, rest) = split_word(text);
        match word {
            "never" => self.approval = Some(Approval::Never),
            "always" => self.approval = Some(Approval::Always),
            _ => self.mistakes.push("@approval has to be followed by never or always".into()),
        }
        rest
    }

    fn schema<'a>(&mut self, text: &'a str) -> &'a str {
        let mut values = Deserializer::from_str(text).into_iter::<Value>();
        match values.next() {
            Some(Ok(schema @ Value::Object(_))) => self.schema = Some(schema),
            _ => {
                let mistake = "@schema has to be followed by the JSON Schema of an object";
                self.mistakes.push(mistake.into());
                return text.split_once('\n').map_or("", |(_, rest)| rest);
            }
        }
        &text[values.byte_offset()..]
    }
}

/// The name, if nothing else is on the line of `@tool` and a description follows.
fn name(text: &str) -> Option<(&str, &str)> {
    let (line, after) = text.split_once('\n')?;
    let name = line.trim();
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && !after.trim().is_empty()).then_some((name, after))
}

/// `word` of a line that begins with `@word`.
fn marker(line: &str) -> Option<&str> {
    let after = line.strip_prefix('@')?;
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
    let is_word = end > 0 && after[end..].chars().next().is_none_or(char::is_whitespace);
    is_word.then_some(&after[..end])
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(description: &str) -> Comment {
        Comment { description: description.into(), ..Comment::default() }
    }

    #[test]
    fn all_markers_are_read() {
        let read = Comment::read(
            "@tool place_order\n Places an order\r\nfor the user.\n@param lines What is ordered.\n\
             @approval always\n@repeatable\n@security_definer\n@schema {\"type\": \"object\",\n \
             \"properties\": {}}\nMore.",
        );
        let expected = Comment {
            name: Some("place_order".into()),
            description: "Places an order\nfor the user.\n\n\n\n\nMore.".into(),
            parameters: vec![("lines".into(), "What is ordered.".into())],
            approval: Some(Approval::Always),
            is_repeatable: true,
            may_define: true,
            schema: Some(json!({ "type": "object", "properties": {} })),
            mistakes: vec![],
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn markers_may_follow_on_the_first_line() {
        let discount = plain("Gives a discount.");
        let always = Some(Approval::Always);
        for (text, expected) in [
            ("@tool Adds numbers.", plain("Adds numbers.")),
            ("  @tool\nAdds numbers.", plain("Adds numbers.")),
            // A word alone is what it does.
            ("@tool adds", plain("adds")),
            ("@tool Adds\nnumbers", plain("Adds\nnumbers")),
            ("@tool @approval always Gives a discount.", Comment { approval: always, ..discount }),
            ("@tool Writes to a@b.example\n@b.example", plain("Writes to a@b.example\n@b.example")),
        ] {
            assert_eq!(Comment::read(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, mistake) in [
            ("@tool A\n@aproval always", "@aproval is not known"),
            ("@tool A\n@approval sometimes", "@approval has to be followed by never or always"),
            ("@tool A\n@approval", "@approval has to be followed by never or always"),
            ("@tool A\n@schema [1]", "@schema has to be followed by the JSON Schema of an object"),
            ("@tool A\n@schema {", "@schema has to be followed by the JSON Schema of an object"),
        ] {
            assert_eq!(Comment::read(text).mistakes, [mistake], "{text}");
        }
    }
}
