//! Rows as CSV (RFC 4180) that a spreadsheet opens without running anything.

use std::collections::HashMap;

use csv::{Terminator, WriterBuilder};
use serde_json::value::RawValue;

/// A row of JSON: each column's value as text.
pub(super) type Row<'a> = HashMap<&'a str, &'a RawValue>;

/// A line for each row, below the names of the columns if `has_header`.
pub(super) fn lines(
    columns: &[&str],
    rows: &[Row<'_>],
    has_header: bool,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    if has_header {
        writer.write_record(columns)?;
    }
    for row in rows {
        let values = columns.iter().map(|column| row.get(column).map_or("null", |json| json.get()));
        writer.write_record(values.map(cell))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Null is empty, text is text, numbers stay as they are, and what is structured stays JSON.
fn cell(json: &str) -> String {
    if json == "null" {
        return String::new();
    }
    if !json.starts_with('"') {
        return json.to_owned();
    }
    let text: String = serde_json::from_str(json).unwrap_or_default();
    if is_formula(&text) { format!("'{text}") } else { text }
}

/// What spreadsheets take for a formula, also behind a tab or a line's end.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{Row, lines};

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
            let value = serde_json::from_str::<&RawValue>(json).unwrap();
            let line = lines(&["a", "b"], &[Row::from([("a", value)])], false).unwrap();
            let line = String::from_utf8(line).unwrap();
            assert_eq!(line, format!("{cell},\r\n"), "{json}");
        }
    }
}
