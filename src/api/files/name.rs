//! File names: cleans what clients send and writes `Content-Disposition`. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const MAX_CHARS: usize = 255;

/// What RFC 8187 lets stand as it is.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The name without folders and invisible characters; `file` if nothing is left.
pub(super) fn clean(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible = joined(base.chars().filter(|c| is_visible(*c) || is_joiner(*c)));
    let visible = visible.trim();
    match visible {
        "" | "." | ".." => "file".to_owned(),
        _ => shorten(visible),
    }
}

/// Decides how the letters around it are written: in emoji, and in the scripts of India and Iran.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Leaves out the joiners that have no such letters around them.
fn joined(chars: impl Iterator<Item = char>) -> String {
    let mut chars = chars.peekable();
    let mut name = String::new();
    while let Some(c) = chars.next() {
        let is_between = |next: &char| !next.is_ascii() && !is_joiner(*next);
        let joins = chars.peek().is_some_and(is_between)
            && name.chars().next_back().is_some_and(|c| is_between(&c));
        if !is_joiner(c) || joins {
            name.push(c);
        }
    }
    name
}

/// Not a control character, nor one of those without a width or a shape, among them all that change the
/// direction of what follows: they make one name look like another.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// A name that may lead through folders, each step of it cleaned.
pub(super) fn clean_path(name: &str) -> String {
    let steps = name.split(['/', '\\']).filter(|step| !matches!(*step, "" | "." | ".."));
    let steps: Vec<_> = steps.map(clean).collect();
    match steps.join("/") {
        path if !path.is_empty() && path.chars().count() <= MAX_CHARS => path,
        _ => clean(name),
    }
}

/// Truncates the name before its extension.
fn shorten(name: &str) -> String {
    let count = name.chars().count();
    if count <= MAX_CHARS {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    let extension =
        if (1..=16).contains(&extension.len()) { format!(".{extension}") } else { String::new() };
    let kept = MAX_CHARS - extension.chars().count();
    name.chars().take(kept).chain(extension.chars()).collect()
}

/// `Content-Disposition` with the name for old and new browsers (RFC 6266).
pub(super) fn disposition(kind: &str, name: &str) -> String {
    // Users can rename files past this server.
    let name = clean(name);
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\%".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let exact = utf8_percent_encode(&name, ATTR_CHAR);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        let cases = [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\r\u{e9}sum\u{e9}.pdf", "résumé.pdf"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\u{61c}b\u{2067}c\u{2064}d\u{ad}e\u{e0041}\u{206a}\u{180e}.txt", "abcde.txt"),
            ("\u{fe0f}שלום.txt", "\u{fe0f}שלום.txt"),
            ("👩\u{200d}💻.md", "👩\u{200d}💻.md"),
            ("क्\u{200d}ष نمی\u{200c}خواهم", "क्\u{200d}ष نمی\u{200c}خواهم"),
            ("a\u{200d}b\u{200d}é\u{200d}\u{200d}é\u{200c}", "abé\u{200d}é"),
            (" \0 ", "file"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
        ];
        for (sent, stored) in cases {
            assert_eq!(clean(sent), stored, "{sent:?}");
        }
        let long = clean(&format!("{}.csv", "é".repeat(300)));
        assert_eq!((long.chars().count(), long.ends_with("é.csv")), (255, true));
    }

    #[test]
    fn folders_are_kept_where_they_may_be() {
        for (written, stored) in [
            ("out/chart.png", "out/chart.png"),
            ("../out//a\u{202e}/./x.csv", "out/a/x.csv"),
            ("", "file"),
            ("/..", "file"),
        ] {
            assert_eq!(clean_path(written), stored, "{written:?}");
        }
        let deep = format!("{}x.csv", "folder/".repeat(50));
        assert_eq!(clean_path(&deep), "x.csv");
    }

    #[test]
    fn dispositions() {
        assert_eq!(
            disposition("inline", "out/a b.txt"),
            "inline; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"
        );
        assert_eq!(
            disposition("attachment", "\"é\u{202e}.txt"),
            "attachment; filename=\"__.txt\"; filename*=UTF-8''%22%C3%A9.txt"
        );
    }
}
