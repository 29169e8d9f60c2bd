//! Rows as CSV (RFC 4180) that a spreadsheet opens without running anything.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// A row of JSON: each column's value as text.
pub(super) type Row<'a> = HashMap<&'a str, &'a RawValue>;

/// Adds the names of the columns.
pub(super) fn push_header(out: &mut String, columns: &[&str]) {
    out.push_str(&columns.join(","));
    out.push_str("\r\n");
}

/// Adds one row.
pub(super) fn push_row(out: &mut String, columns: &[&str], row: &Row<'_>) {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_cell(out, row.get(column).map_or("null", |value| value.get()));
    }
    out.push_str("\r\n");
}

/// Null is empty, text is text, numbers stay as they are, and what is structured stays JSON.
fn push_cell(out: &mut String, json: &str) {
    if json == "null" {
    } else if json.starts_with('"') {
        let text: String = serde_json::from_str(json).unwrap_or_default();
        push_quoted(out, if is_formula(&text) { "'" } else { "" }, &text);
    } else {
        push_quoted(out, "", json);
    }
}

/// What spreadsheets take for a formula, also behind a tab or a line's end.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

fn push_quoted(out: &mut String, prefix: &str, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) {
        out.push_str(prefix);
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(prefix);
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_cell;

    #[test]
    fn cells() {
        for (json, cell) in [
            ("null", ""),
            ("-12.5", "-12.5"),
            ("true", "true"),
            (r#""plain""#, "plain"),
            (r#""""#, ""),
            (r#""a,b""#, r#""a,b""#),
            (r#""say \"hi\"""#, r#""say ""hi""""#),
            (r#""two\nlines""#, "\"two\nlines\""),
            (r#""=1+2""#, "'=1+2"),
            (r#""+1""#, "'+1"),
            (r#""-1""#, "'-1"),
            (r#""@SUM(A1)""#, "'@SUM(A1)"),
            (r#""\t=1""#, "'\t=1"),
            (r#""\r=1""#, "\"'\r=1\""),
            (r#""=HYPERLINK(\"x\",\"y\")""#, r#""'=HYPERLINK(""x"",""y"")""#),
            (r#"{"a": "=1"}"#, r#""{""a"": ""=1""}""#),
        ] {
            let mut out = String::new();
            push_cell(&mut out, json);
            assert_eq!(out, cell, "{json}");
        }
    }
}
