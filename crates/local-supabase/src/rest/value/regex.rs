//! PostgreSQL's regular expressions, as far as a finite automaton matches them. It reads a text once, and
//! looks at the deadline on the way.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use rusqlite::{Error, Result};

use crate::database::limits::check;
use crate::rest::error::RestError;

/// The memory that a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;
/// How many bytes are matched between two looks at the deadline.
const BYTES_BETWEEN_CHECKS: usize = 1 << 10;

/// A compiled pattern.
pub struct Pattern {
    dfa: DFA,
    cache: Mutex<Cache>,
}

impl Pattern {
    /// Compiles a pattern; what cannot be matched as PostgreSQL does it is refused.
    pub fn new(pattern: &str, ignores_case: bool) -> std::result::Result<Self, RestError> {
        let translated = translate(pattern).ok_or_else(|| not_implemented(pattern))?;
        // A point matches a line's end too, and `$` the end of the text only.
        let syntax = syntax::Config::new()
            .case_insensitive(ignores_case)
            .dot_matches_new_line(true)
            .nest_limit(50);
        let dfa = DFA::builder()
            .syntax(syntax)
            .thompson(thompson::Config::new().nfa_size_limit(Some(MAX_PATTERN)))
            .build(&translated);
        let dfa = dfa.map_err(|_| not_implemented(pattern))?;
        let cache = Mutex::new(dfa.create_cache());
        Ok(Self { dfa, cache })
    }

    /// Whether a part of the text matches.
    pub fn is_match(&self, text: &str) -> Result<bool> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = || Error::UserFunctionError("the automaton failed".into());
        let input = Input::new(text).anchored(Anchored::No);
        let start = self.dfa.start_state_forward(&mut cache, &input);
        let mut state = start.map_err(|_| failed())?;
        for chunk in text.as_bytes().chunks(BYTES_BETWEEN_CHECKS) {
            check()?;
            for byte in chunk {
                state = self.dfa.next_state(&mut cache, state, *byte).map_err(|_| failed())?;
                if state.is_match() {
                    return Ok(true);
                }
                if state.is_dead() {
                    return Ok(false);
                }
            }
        }
        let end = self.dfa.next_eoi_state(&mut cache, state).map_err(|_| failed())?;
        Ok(end.is_match())
    }
}

fn not_implemented(pattern: &str) -> RestError {
    RestError::not_implemented(format!(
        "The local Supabase does not match the regular expression \"{pattern}\". It knows characters, \
         sets, alternatives, groups, repetitions, ^ and $."
    ))
}

/// The same in the words of the automaton; nothing where it has none for them.
fn translate(pattern: &str) -> Option<String> {
    let mut translated = String::new();
    let mut chars = pattern.chars().peekable();
    // What begins so has options.
    if pattern.starts_with("***") || pattern.starts_with("(?") && !pattern.starts_with("(?:") {
        return None;
    }
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut translated, chars.next()?)?,
            '[' => set(&mut translated, &mut chars)?,
            '(' if chars.next_if_eq(&'?').is_some() => {
                chars.next_if_eq(&':')?;
                translated.push_str("(?:");
            }
            // Not before a number, it stands for itself.
            '{' if !chars.peek().is_some_and(char::is_ascii_digit) => translated.push_str("\\{"),
            '}' if !ends_count(&translated) => translated.push_str("\\}"),
            other => translated.push(other),
        }
    }
    Some(translated)
}

fn ends_count(translated: &str) -> bool {
    let digits = translated.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
    digits.ends_with('{') && !digits.ends_with("\\{")
}

fn escape(translated: &mut String, c: char) -> Option<()> {
    match c {
        'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' => translated.extend(['\\', c]),
        // The others mean something else, or refer back.
        c if c.is_alphanumeric() => return None,
        c => push_literal(translated, c),
    }
    Some(())
}

/// A character that stands for itself.
fn push_literal(translated: &mut String, c: char) {
    if "\\.+*?()|[]{}^$#&-~".contains(c) {
        translated.push('\\');
    }
    translated.push(c);
}

/// `[a-z]`, behind its first bracket.
fn set(
    translated: &mut String,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Option<()> {
    translated.push('[');
    if chars.next_if_eq(&'^').is_some() {
        translated.push('^');
    }
    let mut is_first = true;
    loop {
        match chars.next()? {
            ']' if !is_first => break,
            '[' => match chars.peek() {
                Some(':') => class(translated, chars)?,
                Some('.' | '=') => return None,
                _ => translated.push_str("\\["),
            },
            '\\' => escape(translated, chars.next()?)?,
            '-' => {
                // Between two characters it is a range, at either end itself.
                let is_range = !is_first && chars.peek() != Some(&']');
                translated.push_str(if is_range { "-" } else { "\\-" });
            }
            c => push_literal(translated, c),
        }
        is_first = false;
    }
    translated.push(']');
    Some(())
}

/// `[:alpha:]`, behind its first bracket.
fn class(
    translated: &mut String,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Option<()> {
    chars.next();
    let name: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_lowercase)).collect();
    let known = ["alnum", "alpha", "blank", "digit", "lower", "punct", "space", "upper", "xdigit"];
    let is_class = chars.next() == Some(':') && chars.next() == Some(']');
    if !is_class || !known.contains(&name.as_str()) {
        return None;
    }
    // Of ASCII: letters beyond it are `\p{…}`.
    translated.push_str(match name.as_str() {
        "alpha" => "\\p{Alphabetic}",
        "alnum" => "\\p{Alphabetic}\\p{Nd}",
        "lower" => "\\p{Lowercase}",
        "upper" => "\\p{Uppercase}",
        "digit" => "\\p{Nd}",
        "space" => "\\s",
        "blank" => "[:blank:]",
        "punct" => "[:punct:]",
        _ => "[:xdigit:]",
    });
    Some(())
}
