//! A file of SQL into its statements, each with the line that it begins on.

/// One statement, without the semicolon at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it begins, from 1.
    pub line: usize,
    /// Its text, comments within it included.
    pub text: &'a str,
}

/// The statements of a file. `psql`'s own commands and the rows of `copy … from stdin` are skipped.
pub fn split(sql: &str) -> Vec<Piece<'_>> {
    let mut scanner = Scanner { sql, at: 0 };
    let mut pieces = Vec::new();
    let (mut line, mut counted) = (1, 0);
    while let Some((start, end)) = scanner.statement() {
        let text = &sql[start..end];
        line += sql[counted..start].matches('\n').count();
        counted = start;
        pieces.push(Piece { line, text });
        if is_copy(text) {
            scanner.skip_rows();
        }
    }
    pieces
}

fn is_copy(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.starts_with("copy ") && lower.contains("from stdin")
}

struct Scanner<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    /// Where the next statement begins and ends.
    fn statement(&mut self) -> Option<(usize, usize)> {
        self.skip_between();
        let start = self.at;
        let (mut end, mut depth) = (start, 0usize);
        while let Some(c) = self.rest().chars().next() {
            if c == ';' && depth == 0 {
                self.at += 1;
                return Some((start, end));
            }
            let before = self.at;
            if self.skip_comment() {
                continue;
            }
            if let Some(word) = self.word() {
                depth = body_depth(&self.sql[start..before], word, depth);
            } else if !self.skip_quoted() {
                self.at += c.len_utf8();
            }
            if !c.is_whitespace() {
                end = self.at;
            }
        }
        (end > start).then_some((start, end))
    }

    /// What stands between statements: space, comments, stray semicolons, commands of `psql`.
    fn skip_between(&mut self) {
        loop {
            let rest = self.rest();
            let space =
                rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';').len();
            self.at += space;
            if self.rest().starts_with('\\') {
                self.skip_line();
            } else if !self.skip_comment() {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
    }

    /// The rows after `copy … from stdin;`.
    fn skip_rows(&mut self) {
        let end = self.rest().find("\n\\.").map(|end| end + 1);
        self.at += end.unwrap_or(self.rest().len());
    }

    fn skip_comment(&mut self) -> bool {
        if self.rest().starts_with("--") {
            self.skip_line();
            return true;
        }
        if !self.rest().starts_with("/*") {
            return false;
        }
        let mut depth = 0;
        while !self.rest().is_empty() {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                self.at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        true
    }

    /// A name or keyword; `e'…'` and its like are quoted texts.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return None;
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        if word.eq_ignore_ascii_case("e") && self.rest().starts_with('\'') {
            self.skip_to_quote('\'', true);
        }
        Some(word)
    }

    fn skip_quoted(&mut self) -> bool {
        let rest = self.rest();
        match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.skip_to_quote(quote, false);
                true
            }
            Some('$') => {
                let Some(tag) = dollar_tag(rest) else { return false };
                let end = rest[tag.len()..].find(tag).map(|end| end + 2 * tag.len());
                self.at += end.unwrap_or(rest.len());
                true
            }
            _ => false,
        }
    }

    /// A doubled quote does not end the text, nor one after a backslash where that escapes.
    fn skip_to_quote(&mut self, quote: char, backslash: bool) {
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            if c == '\\' && backslash {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            } else if c == quote {
                if !self.rest().starts_with(quote) {
                    return;
                }
                self.at += 1;
            }
        }
    }
}

/// `$$` or `$tag$`
fn dollar_tag(text: &str) -> Option<&str> {
    let end = 1 + text[1..].find('$')?;
    let name = &text[1..end];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| &text[..=end])
}

/// Semicolons within the `begin atomic … end` of a function do not end the statement.
fn body_depth(before: &str, word: &str, depth: usize) -> usize {
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    match depth {
        0 => {
            let last = before.split_whitespace().next_back().unwrap_or_default();
            usize::from(is("atomic") && last.eq_ignore_ascii_case("begin"))
        }
        _ if is("case") || is("begin") => depth + 1,
        _ if is("end") => depth - 1,
        _ => depth,
    }
}
