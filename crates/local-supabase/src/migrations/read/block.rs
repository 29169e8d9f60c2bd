//! `do` blocks. Those that only guard statements against being run twice are read; others have to be
//! registered.

use super::{At, Failure, Reader};
use crate::migrations::parse::parse;
use crate::migrations::split::split;
use crate::migrations::statement::Statement;

impl Reader<'_> {
    pub(super) fn block(&mut self, at: &At<'_>) -> std::result::Result<(), Failure> {
        if self.is_registered(at) {
            return Ok(());
        }
        if let Some(statements) = guarded(at.piece.text) {
            for statement in statements {
                // What is there already is what the block guards against.
                let _ = self.apply(statement, at);
            }
            return Ok(());
        }
        let text = at.piece.text.to_lowercase();
        let mut consequence = "it does not run".to_owned();
        // It may close tables.
        if text.contains("row level security") || text.contains("revoke") || text.contains("policy")
        {
            let problem = format!(
                "a block in {}:{} that may protect it does not run",
                at.file, at.piece.line
            );
            let is_named = |name: &str| text.contains(name);
            let names_any = self.catalogue.tables.iter().any(|table| is_named(&table.name.name));
            for table in &mut self.catalogue.tables {
                if !names_any || is_named(&table.name.name) {
                    table.problems.push(problem.clone());
                }
            }
            consequence.push_str(", and the tables that it may protect are not available");
        }
        Err(Failure("blocks are not read".into(), Some(consequence)))
    }
}

/// The statements of `begin …; exception when duplicate_object then null; end`.
fn guarded(text: &str) -> Option<Vec<Statement>> {
    let open = text.find('$')?;
    let tag_end = open + 1 + text[open + 1..].find('$')? + 1;
    let tag = &text[open..tag_end];
    let close = text.rfind(tag)?;
    let body = text.get(tag_end..close)?.trim();
    let rest =
        body.get(..5).filter(|word| word.eq_ignore_ascii_case("begin")).map(|_| &body[5..])?;
    let mut pieces = split(rest);
    let end = pieces.pop()?;
    if !end.text.eq_ignore_ascii_case("end") {
        return None;
    }
    let is_guard = |text: &str| {
        let words = text.to_lowercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        words.first() == Some(&"exception")
            && words.last() == Some(&"null")
            && words.contains(&"when")
            && !words.contains(&"others")
    };
    if pieces.last().is_some_and(|piece| is_guard(piece.text)) {
        pieces.pop();
    }
    let statements: Option<Vec<_>> = pieces.iter().map(|piece| parse(piece.text).ok()).collect();
    statements
        .filter(|all| all.iter().all(|one| !matches!(one, Statement::Data(_) | Statement::Block)))
}
