//! `text like pattern`: `%` stands for anything, `_` for one character, `\` takes the next one
//! literally.
//!
//! The segments between two `%` are matched from the left, without backtracking. The time is bounded by
//! the sum of the lengths unless there is a `_` between two `%`.

use rusqlite::Result;

use crate::database::limits::StepCounter;

/// A part of a pattern without a `%`.
enum Part {
    Literal(String),
    /// This many characters.
    Any(usize),
}

impl Part {
    /// The cost of comparing it.
    fn length(&self) -> usize {
        match self {
            Self::Literal(literal) => literal.len(),
            Self::Any(count) => *count,
        }
    }
}

/// Whether the whole text matches.
pub fn is_like(text: &str, pattern: &str) -> Result<bool> {
    let segments = parse(pattern);
    let [first, between @ .., last] = &segments[..] else {
        return Ok(strip_prefix(text, &segments[0]).is_some_and(str::is_empty));
    };
    let inside = strip_prefix(text, first).and_then(|rest| strip_suffix(rest, last));
    let Some(mut rest) = inside else { return Ok(false) };
    let mut steps = StepCounter::default();
    for segment in between {
        match after(rest, segment, &mut steps)? {
            Some(after) => rest = after,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The segments before, between and after the `%`; at least one.
fn parse(pattern: &str) -> Vec<Vec<Part>> {
    let mut segments = vec![Vec::new()];
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let segment = segments.last_mut().expect("there is one");
        match c {
            '%' => segments.push(Vec::new()),
            '_' => match segment.last_mut() {
                Some(Part::Any(count)) => *count += 1,
                _ => segment.push(Part::Any(1)),
            },
            c => {
                let literal = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
                match segment.last_mut() {
                    Some(Part::Literal(text)) => text.push(literal),
                    _ => segment.push(Part::Literal(literal.to_string())),
                }
            }
        }
    }
    segments
}

/// The rest of the text after a segment at its start.
fn strip_prefix<'a>(text: &'a str, segment: &[Part]) -> Option<&'a str> {
    segment.iter().try_fold(text, |rest, part| match part {
        Part::Literal(literal) => rest.strip_prefix(literal.as_str()),
        Part::Any(count) => skip(rest, *count),
    })
}

/// The rest of the text before a segment at its end.
fn strip_suffix<'a>(text: &'a str, segment: &[Part]) -> Option<&'a str> {
    segment.iter().rev().try_fold(text, |rest, part| match part {
        Part::Literal(literal) => rest.strip_suffix(literal.as_str()),
        Part::Any(count) => {
            let start = rest.char_indices().rev().nth(count - 1)?.0;
            Some(&rest[..start])
        }
    })
}

/// The rest of the text after the first match of a segment.
fn after<'a>(text: &'a str, segment: &[Part], steps: &mut StepCounter) -> Result<Option<&'a str>> {
    let (lead, parts) = match segment {
        [Part::Any(count), parts @ ..] => (*count, parts),
        parts => (0, parts),
    };
    let Some(mut rest) = skip(text, lead) else { return Ok(None) };
    let [Part::Literal(literal), parts @ ..] = parts else { return Ok(Some(rest)) };
    let length: usize = parts.iter().map(Part::length).sum();
    loop {
        let Some(at) = rest.find(literal.as_str()) else { return Ok(None) };
        let end = at + literal.len();
        if let Some(after) = strip_prefix(&rest[end..], parts) {
            return Ok(Some(after));
        }
        steps.count(end + length)?;
        // The next match may overlap this one.
        rest = skip(&rest[at..], 1).unwrap_or_default();
    }
}

fn skip(text: &str, count: usize) -> Option<&str> {
    let mut chars = text.chars();
    if count > 0 {
        chars.nth(count - 1)?;
    }
    Some(chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn matches_as_postgresql_does() {
        let cases = [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%b%", true),
            ("abc", "_b_", true),
            ("abc", "__", false),
            ("abc", "%_%_%_%", true),
            ("abc", "%_%_%_%_%", false),
            ("abcabd", "%ab_%d", true),
            ("ab", "%a_b%", false),
            ("xaab", "%a_b%", true),
            ("aaab", "%aab", true),
            ("ab", "ab%ab", false),
            ("äöü", "_ö_", true),
            ("äöü", "%__", true),
            ("50%", "50\\%", true),
            ("", "%", true),
            ("", "%%", true),
            ("", "_", false),
            ("a\\", "a\\", true),
            ("", "", true),
            ("abc", "ab", false),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "a%b%c%", true),
            ("aXbXc", "a%X_", true),
            ("500", "50\\%", false),
            ("a_b", "a\\_b", true),
            ("mississippi", "m%iss%ip%i", true),
            ("mississippi", "m%iss%iq%i", false),
            ("abc", "abc%", true),
            ("abc", "abc_", false),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(is_like(text, pattern).unwrap(), expected, "{text} like {pattern}");
        }
    }

    /// With backtracking, this takes 10¹¹ steps.
    #[test]
    fn long_patterns_take_no_longer_than_long_texts() {
        let (text, run) = ("a".repeat(8 << 20), "a".repeat(20_000));
        assert!(!is_like(&text, &format!("%{run}b")).unwrap());
        assert!(!is_like(&text, &format!("%{run}b%")).unwrap());
        assert!(!is_like(&text, &format!("%{run}%b%{run}%")).unwrap());
        assert!(is_like(&text, &format!("%{run}%{run}%")).unwrap());
    }
}
