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

/// Whether this begins and ends as an array does.
pub(super) fn is_array(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"[") && json.trim_ascii_end().ends_with(b"]")
}

/// Where the last row but one of an array of objects is, found from the end.
pub(super) fn last_but_one(json: &[u8]) -> Option<Range<usize>> {
    let end = json.trim_ascii_end().strip_suffix(b"]")?.trim_ascii_end();
    let before = end[..row_start(end)?].trim_ascii_end().strip_suffix(b",")?.trim_ascii_end();
    Some(row_start(before)?..before.len())
}

/// Where the row starts that ends here.
fn row_start(json: &[u8]) -> Option<usize> {
    let (mut at, mut level) = (json.len(), 0_usize);
    loop {
        at = at.checked_sub(1)?;
        match json[at] {
            b'"' => at = string_start(&json[..at])?,
            b'}' | b']' => level += 1,
            b'{' | b'[' => level = level.checked_sub(1)?,
            _ => {}
        }
        if level == 0 {
            return (json[at] == b'{').then_some(at);
        }
    }
}

/// Where the opening quote is of a string whose closing one follows here: within a string each quote has an odd
/// number of backslashes before it.
fn string_start(json: &[u8]) -> Option<usize> {
    let mut end = json.len();
    loop {
        end = json[..end].iter().rposition(|byte| *byte == b'"')?;
        let escapes = json[..end].iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some(end);
        }
    }
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
    use super::{is_array, last_but_one, rows};

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
    fn the_last_row_but_one_is_the_same_from_the_end() {
        let row = r#"{"a":"}]\"\\","b":[{"c":["\\\"{"]},"]"],"d":{},"ü":null,"":"\\"}"#;
        for separator in [",", ", \n ", " ,\n"] {
            for count in 0..4 {
                let json = format!(" [{}]\n", vec![row; count].join(separator));
                let rows = rows(json.as_bytes()).unwrap();
                let expected = rows.len().checked_sub(2).map(|last| rows[last].clone());
                assert_eq!(last_but_one(json.as_bytes()), expected, "{json}");
                assert!(is_array(json.as_bytes()));
            }
        }
        for other in ["", "]", "[1,2]", "[{},]", "{},{}]", "[}{,{}]", "[{}{}]", "[\"a\",{}]"] {
            let found = last_but_one(other.as_bytes());
            assert!(found.is_none() || other == "{},{}]", "{other}");
        }
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
