//! Divides a text into passages, at the borders of paragraphs, lines or sentences. Pure.

use unicode_normalization::char::is_combining_mark;

use super::structure::{Format, Structure};
use crate::api::files::text::Page;

/// How long a passage is meant to be, in characters, and from when on it ends with its paragraph.
const MAX: usize = 1_000;
const ENOUGH: usize = 600;
/// The most passages of a file.
const MAX_PASSAGES: usize = 2_000;

/// A passage, and where it is in its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// Its page, where the file has pages; else it has lines.
    pub page: Option<u32>,
    pub lines: Option<(u32, u32)>,
    pub content: String,
}

/// The passages of a file, and whether there are more than are kept.
pub(super) fn divide(pages: &[Page], format: Format) -> (Vec<Passage>, bool) {
    let mut passages = Vec::new();
    for page in pages {
        let mut open = Open::new(page.number, format);
        for line in lines(&page.text) {
            open.add(&line, &mut passages);
            if passages.len() > MAX_PASSAGES {
                passages.truncate(MAX_PASSAGES);
                return (passages, true);
            }
        }
        open.end(&mut passages);
    }
    let is_cut = passages.len() > MAX_PASSAGES;
    passages.truncate(MAX_PASSAGES);
    (passages, is_cut)
}

/// A line with its number, or a piece of a long one.
struct Line<'a> {
    number: u32,
    text: &'a str,
    /// Whether the line goes on in the next piece.
    goes_on: bool,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    (1..).zip(text.lines()).flat_map(|(number, mut rest)| {
        let mut pieces = Vec::new();
        while let Some(end) = border(rest) {
            let (text, more) = rest.split_at(end);
            pieces.push(Line { number, text, goes_on: true });
            rest = more;
        }
        pieces.push(Line { number, text: rest, goes_on: false });
        pieces
    })
}

/// Where a long line is divided: after a sentence, else after a word, else between two letters.
fn border(line: &str) -> Option<usize> {
    let (most, _) = line.char_indices().nth(MAX)?;
    let start = &line[..most];
    let least = start.char_indices().nth(MAX / 2).map_or(0, |(least, _)| least);
    let ends = |(index, c): (usize, char)| {
        let after = index + c.len_utf8();
        let is_end = matches!(c, '。' | '！' | '？')
            || matches!(c, '.' | '!' | '?' | ';') && line[after..].starts_with(char::is_whitespace);
        is_end.then_some(after)
    };
    let later = |(index, _): &(usize, char)| *index >= least;
    let sentence = start.char_indices().rev().take_while(later).find_map(ends);
    let word = || start.rfind(char::is_whitespace).map(|index| start.ceil_char_boundary(index + 1));
    let letter = || {
        let joins = |c: char| is_combining_mark(c) || matches!(c, '\u{200d}' | '\u{fe0f}');
        let mut letters = line[..most].char_indices().rev();
        letters.find(|(index, c)| !joins(*c) && *index > 0).map_or(most, |(index, _)| index)
    };
    Some(sentence.or_else(word).unwrap_or_else(letter))
}

/// The passage that is being put together.
struct Open {
    page: Option<u32>,
    structure: Structure,
    content: String,
    /// The characters of the content, without those of what stands above it.
    size: usize,
    lines: Option<(u32, u32)>,
}

impl Open {
    fn new(page: Option<u32>, format: Format) -> Self {
        let structure = Structure::new(format);
        Self { page, structure, content: String::new(), size: 0, lines: None }
    }

    fn add(&mut self, line: &Line<'_>, passages: &mut Vec<Passage>) {
        let size = line.text.chars().count() + 1;
        let is_border = self.structure.is_border(line.text) && self.size > ENOUGH / 2;
        if self.size > 0 && (is_border || self.size + size > MAX) && self.structure.is_complete() {
            self.end(passages);
        }
        if self.size == 0 {
            self.content = self.structure.above(line.text);
        }
        self.structure.read(line.text);
        let is_blank = line.text.trim().is_empty();
        if is_blank && self.size == 0 {
            return;
        }
        self.content.push_str(line.text);
        if !line.goes_on {
            self.content.push('\n');
        }
        self.size += size;
        let first = self.lines.map_or(line.number, |(first, _)| first);
        let last = self.lines.map_or(line.number, |(_, last)| last);
        self.lines = Some((first, if is_blank { last } else { line.number }));
        if is_blank && self.size >= ENOUGH || self.size > 2 * MAX {
            self.end(passages);
        }
    }

    fn end(&mut self, passages: &mut Vec<Passage>) {
        let (content, lines) = (std::mem::take(&mut self.content), self.lines.take());
        self.size = 0;
        let Some(lines) = lines else { return };
        let content = content.trim_end().replace('\0', "\u{fffd}");
        let lines = self.page.is_none().then_some(lines);
        passages.push(Passage { page: self.page, lines, content });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page { number: None, text: text.to_owned() }
    }

    fn divided(text: &str, format: Format) -> Vec<Passage> {
        divide(&[page(text)], format).0
    }

    #[test]
    fn short_texts_are_one_passage() {
        let passage = Passage { page: None, lines: Some((2, 4)), content: "A\n\nB".into() };
        assert_eq!(divided("\r\nA\r\n\r\nB\r\n\r\n", Format::Plain), [passage]);
        assert_eq!(divided(" \n\n", Format::Plain), []);
    }

    #[test]
    fn passages_end_with_paragraphs_lines_sentences_or_words() {
        let paragraph = "word ".repeat(140);
        let text = format!("{paragraph}\n\n{paragraph}\n\n{paragraph}");
        let found: Vec<_> = divided(&text, Format::Plain).iter().map(|p| p.lines).collect();
        assert_eq!(found, [Some((1, 1)), Some((3, 3)), Some((5, 5))]);
        let lines = "a line of thirty letters or so\n".repeat(100);
        let found = divided(&lines, Format::Plain);
        assert_eq!(found[0].lines, Some((1, 32)));
        assert_eq!(found[1].lines, Some((33, 64)));
        let sentences = "This is a sentence. ".repeat(120);
        let found = divided(&sentences, Format::Plain);
        assert!(found.iter().all(|passage| passage.content.ends_with("sentence.")), "{found:?}");
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|passage| passage.lines == Some((1, 1))));
        let words = divided(&"word ".repeat(500), Format::Plain);
        assert!(words.iter().all(|passage| passage.content.ends_with("word")));
    }

    #[test]
    fn no_letter_is_divided() {
        let combined = "e\u{301}\u{302}".repeat(1_000);
        let found = divided(&combined, Format::Plain);
        assert!(found.iter().all(|passage| passage.content.starts_with("e\u{301}")));
        let all: String = found.iter().map(|passage| &passage.content[..]).collect();
        assert_eq!(all, combined);
        let cjk = "漢字を。".repeat(1_000);
        assert!(divided(&cjk, Format::Plain).iter().all(|p| p.content.chars().count() <= MAX));
        let marks = format!("a{}", "\u{301}".repeat(5_000));
        assert!(divided(&marks, Format::Plain).len() < 10);
    }

    #[test]
    fn headings_stay_with_what_is_below_them() {
        let body = "some text\n".repeat(60);
        let text =
            format!("# Guide\n\n## Install\n{body}\n## Use\n{body}```\n# no heading\n```\n{body}");
        let found = divided(&text, Format::Markdown);
        assert!(found[0].content.starts_with("# Guide\n\n## Install\nsome"), "{found:?}");
        let of_use: Vec<_> = found.iter().filter(|p| p.lines.unwrap().0 >= 64).collect();
        assert!(of_use[0].content.starts_with("Guide\n## Use\nsome"), "{}", of_use[0].content);
        assert!(of_use[1].content.starts_with("Guide > Use\n"), "{}", of_use[1].content);
    }

    #[test]
    fn rows_keep_their_header_and_are_not_divided() {
        let rows: String = (0..100).map(|n| format!("{n},\"two\nlines\",x\n")).collect();
        let found = divided(&format!("id,note,other\n{rows}"), Format::Table);
        assert!(found.len() > 1);
        for passage in &found {
            assert!(passage.content.starts_with("id,note,other\n"), "{passage:?}");
            assert!(passage.content.ends_with("lines\",x"), "{passage:?}");
        }
        assert_eq!(found[1].content.matches("id,note").count(), 1);
        let unclosed = format!("id\n\"{}", "never closed\n".repeat(1_000));
        assert!(divided(&unclosed, Format::Table).iter().all(|p| p.content.len() < 4_000));
    }

    #[test]
    fn pages_are_named_instead_of_lines() {
        let pages = [7, 8].map(|number| Page { number: Some(number), text: "Text".into() });
        let (found, is_cut) = divide(&pages, Format::Plain);
        let pages: Vec<_> = found.iter().map(|passage| (passage.page, passage.lines)).collect();
        assert_eq!((pages, is_cut), (vec![(Some(7), None), (Some(8), None)], false));
    }

    #[test]
    fn long_files_are_cut() {
        let (found, is_cut) = divide(&[page(&"word ".repeat(500_000))], Format::Plain);
        assert_eq!((found.len(), is_cut), (MAX_PASSAGES, true));
    }
}
