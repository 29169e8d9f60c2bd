//! Regular expressions of PostgreSQL as the crate `regex` reads them.

/// The same pattern; an error where it has what the two do not share.
pub fn translate(pattern: &str, ignore_case: bool) -> Result<String, String> {
    let unknown = |what: &str| Err(format!("{what} in the pattern '{pattern}'"));
    let mut translated = String::new();
    let mut characters = pattern.chars().peekable();
    if pattern.starts_with("***") || pattern.starts_with("(?") {
        return unknown("options");
    }
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('d') => translated.push_str("[0-9]"),
                Some('D') => translated.push_str("[^0-9]"),
                Some(c @ ('w' | 'W' | 's' | 'S' | 't' | 'n' | 'r')) => translated.extend(['\\', c]),
                Some(c) if !c.is_alphanumeric() => translated.extend(['\\', c]),
                _ => return unknown("an escape"),
            },
            '(' if characters.peek() == Some(&'?') => {
                characters.next();
                if characters.next() != Some(':') {
                    return unknown("a look around");
                }
                translated.push_str("(?:");
            }
            '[' => {
                translated.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
                // A bracket that stands first is itself.
                if characters.next_if_eq(&']').is_some() {
                    translated.push_str("\\]");
                }
                loop {
                    match characters.next() {
                        None => return unknown("a bracket that does not end"),
                        Some(']') => break,
                        Some('[') if characters.peek() == Some(&':') => {
                            translated.push('[');
                            let class: String =
                                characters.by_ref().take_while(|c| *c != ']').collect();
                            translated.push_str(&class);
                            translated.push(']');
                        }
                        Some('[') => translated.push_str("\\["),
                        Some('\\') => match characters.next() {
                            Some('d') => translated.push_str("0-9"),
                            Some(c @ ('w' | 's' | 't' | 'n' | 'r')) => translated.extend(['\\', c]),
                            Some(c) if !c.is_alphanumeric() => translated.extend(['\\', c]),
                            _ => return unknown("an escape"),
                        },
                        // These are operators to the one and characters to the other.
                        Some(c @ ('&' | '~')) => translated.extend(['\\', c]),
                        Some(c) => translated.push(c),
                    }
                }
                translated.push(']');
            }
            // PostgreSQL's dot stands for a line end too.
            '.' => translated.push_str("(?s:.)"),
            c => translated.push(c),
        }
    }
    let translated = if ignore_case { format!("(?i){translated}") } else { translated };
    match regex::Regex::new(&translated) {
        Ok(_) => Ok(translated),
        Err(_) => unknown("something else"),
    }
}
