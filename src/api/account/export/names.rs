//! Names in an archive: readable, unlike one another, and harmless wherever it is unpacked. Pure.

use uuid::Uuid;

const MAX_CHARS: usize = 80;

/// `chats/2026-11-26 Trip to Rome <id>`, without an ending. `created_at` is an RFC 3339 time.
pub(super) fn chat(id: Uuid, title: &str, created_at: &str) -> String {
    let is_date = |c: &char| c.is_ascii_digit() || *c == '-';
    let day: String = created_at.chars().take(10).filter(is_date).collect();
    format!("chats/{day} {} {id}", clean(title, "chat"))
}

/// `files/<id> ticket.pdf`
pub(super) fn file(id: Uuid, name: &str) -> String {
    format!("files/{id} {}", clean(name, "file"))
}

/// A name without what is a path, or means something to some system.
fn clean(name: &str, otherwise: &str) -> String {
    let replaced = name.chars().map(|c| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() || is_invisible(c) => '_',
        c => c,
    });
    let (count, ending) = (name.chars().count(), ending(name));
    let cleaned: String = if count > MAX_CHARS {
        let kept = MAX_CHARS - ending.chars().count();
        replaced.take(kept).collect::<String>() + &ending
    } else {
        replaced.collect()
    };
    match cleaned.trim_matches([' ', '.']) {
        "" => otherwise.to_owned(),
        cleaned => cleaned.to_owned(),
    }
}

/// `.pdf`, which says what a file is.
fn ending(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, ending))
            if (1..=8).contains(&ending.len())
                && ending.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            format!(".{ending}")
        }
        _ => String::new(),
    }
}

/// What changes how the rest of a name looks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{chat, file};

    #[test]
    fn names_are_no_paths() {
        let id = Uuid::nil();
        for (name, stored) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("C:\\Windows\\x.dll", "C__Windows_x.dll"),
            ("..", "file"),
            ("", "file"),
            ("a\n\0b", "a__b"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("résumé 日本.pdf", "résumé 日本.pdf"),
            ("CON", "CON"),
            ("nul. ", "nul"),
        ] {
            assert_eq!(file(id, name), format!("files/{id} {stored}"), "{name:?}");
        }
        let long = file(id, &format!("{}.csv", "é".repeat(300)));
        assert_eq!((long.chars().count(), long.ends_with("é.csv")), (6 + 36 + 1 + 80, true));
    }

    #[test]
    fn chats_have_a_day() {
        let id = Uuid::nil();
        let named = chat(id, "Trip: Rome/../Paris", "2026-11-26T10:00:00+00:00");
        assert_eq!(named, format!("chats/2026-11-26 Trip_ Rome_.._Paris {id}"));
        assert_eq!(chat(id, "..", "../../x"), format!("chats/ chat {id}"));
    }
}
