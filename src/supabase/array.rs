//! Finds the rows of a JSON array by its brackets and strings alone: a fraction of the cost of parsing them,
//! for rows that go to a client as they came.

use std::ops::Range;

/// Where the rows are, each an object; none if this is not an array of objects that is whole.
pub(super) fn rows(json: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut rows = Vec::new();
    let (mut at, mut level, mut start) = (0, 0_usize, 0);
    loop {
        match json.get(at)? {
            b'"' if level > 1 => at += string_len(&json[at..])?,
            b'[' if level == 0 => level = 1,
            b'{' if level == 1 => (level, start) = (2, at),
            b'{' | b'[' if level > 1 => level += 1,
            b'}' if level == 2 => {
                level = 1;
                rows.push(start..at + 1);
            }
            b']' if level == 1 => break,
            b'}' | b']' if level > 2 => level -= 1,
            b' ' | b'\n' | b'\r' | b'\t' | b',' => {}
            _ if level > 1 => {}
            _ => return None,
        }
        at += 1;
    }
    json[at + 1..].trim_ascii().is_empty().then_some(rows)
}

/// How far the closing quote of a string is from its opening one.
fn string_len(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += json.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if json[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::rows;

    fn texts(json: &str) -> Option<Vec<&str>> {
        Some(rows(json.as_bytes())?.into_iter().map(|row| &json[row]).collect())
    }

    #[test]
    fn rows_of_any_content() {
        let row = r#"{"a":"}]\"\\","b":[{"c":[]},"]"],"d":{},"ü":null}"#;
        assert_eq!(texts(&format!("[{row},\n {row}]\n")), Some(vec![row, row]));
        assert_eq!(texts(" [] "), Some(vec![]));
        assert_eq!(texts("[{}]"), Some(vec!["{}"]));
    }

    #[test]
    fn what_is_no_whole_array_of_rows() {
        let whole = r#"[{"a":"b\"c","d":[1]},{"e":2}]"#;
        for end in 0..whole.len() {
            assert_eq!(texts(&whole[..end]), None, "{end}");
        }
        for other in ["<html>", "{}", "[1]", "null", r#"["a"]"#, "[]]", "[{}] x", "[}]", "[{]]"] {
            assert_eq!(texts(other), None, "{other}");
        }
    }
}
