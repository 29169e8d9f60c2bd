//! `do` blocks. Those that only guard statements against being run twice are read; others have to be
//! registered.

use super::{At, Failure, Reader};
use crate::migrations::parse::parse;
use crate::migrations::split::split;
use crate::migrations::statement::{AlterAction, Name, Statement};

/// Statements of a block, which are for the case that something is missing, or is there.
struct Guarded {
    guard: Option<Guard>,
    statements: Vec<Statement>,
}

/// `if not exists (select … from pg_policies where policyname = '…')`
struct Guard {
    is_negated: bool,
    /// The constants of the condition.
    names: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn block(&mut self, at: &At<'_>) -> std::result::Result<(), Failure> {
        if self.is_registered(at) || self.run(at) {
            return Ok(());
        }
        let closes = self.close_what_may_be_closed(at.piece.text, at, "a block");
        let consequence = match closes {
            true => "it does not run, and the tables that it may protect are not available",
            false => "it does not run",
        };
        Err(Failure("blocks are not read".into(), Some(consequence.to_owned())))
    }

    /// Runs a block that is read; whether it is one. If a part fails, nothing of it has happened.
    fn run(&mut self, at: &At<'_>) -> bool {
        let Some((parts, may_exist)) = body(at.piece.text).and_then(parts) else { return false };
        let before = self.catalogue.clone();
        for Guarded { guard, statements } in parts {
            match guard.map(|guard| self.holds(&guard, &statements)) {
                None | Some(Some(true)) => {}
                Some(Some(false)) => continue,
                Some(None) => {
                    self.catalogue = before;
                    return false;
                }
            }
            for statement in statements {
                if may_exist && self.is_there(&statement, &[]) {
                    self.catalogue = before;
                    return true;
                }
                match self.apply(statement, at) {
                    Ok(()) => {}
                    Err(Failure(error, Some(consequence))) => {
                        self.notice(at, format!("{error}; {consequence}"));
                    }
                    Err(Failure(_, None)) => {
                        self.catalogue = before;
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Whether a condition about what the first statement makes holds; `None` if it is about
    /// something else.
    fn holds(&self, guard: &Guard, statements: &[Statement]) -> Option<bool> {
        let first = statements.first()?;
        if !guard.is_negated {
            let table = first.table()?;
            let is_about_it =
                guard.names.iter().all(|name| *name == table.name || *name == table.schema);
            return (is_about_it && guard.names.contains(&table.name))
                .then(|| self.catalogue.table(table).is_some());
        }
        if matches!(first, Statement::Ignored) {
            return Some(true);
        }
        let is_about_it = guard.names.iter().any(|name| made_by(first) == Some(name));
        is_about_it.then(|| !self.is_there(first, &guard.names))
    }

    /// Whether there is already what a statement makes: within its table if the names have that, or if
    /// there are no names.
    fn is_there(&self, statement: &Statement, names: &[String]) -> bool {
        let within = |table: &Name, at: &Name| {
            let named = names.iter().any(|name| name.rsplit('.').next() == Some(&*at.name));
            !(named || names.is_empty()) || table == at
        };
        let Some(name) = made_by(statement) else { return false };
        let tables = || self.catalogue.tables.iter();
        match statement {
            Statement::CreatePolicy(policy) => tables().any(|table| {
                within(&table.name, &policy.table) && table.policies.iter().any(|p| p.name == *name)
            }),
            Statement::CreateTrigger(trigger) => {
                let known = self.catalogue.user_triggers.iter();
                known
                    .chain(tables().flat_map(|table| &table.triggers))
                    .any(|(other, _)| within(&other.table, &trigger.table) && other.name == *name)
            }
            Statement::CreateIndex(_) => {
                tables().any(|table| table.indexes.iter().any(|index| index.name == *name))
            }
            Statement::AlterTable { table: at, actions, .. } => tables().any(|table| {
                within(&table.name, at)
                    && match actions.first() {
                        Some(AlterAction::AddColumn { .. }) => table.column(name).is_some(),
                        _ => table.constraints.iter().any(|c| c.name == *name),
                    }
            }),
            Statement::CreateTable { table, .. } => self.catalogue.table(table).is_some(),
            Statement::CreateEnum { name, .. } => self.catalogue.labels(name).is_some(),
            Statement::CreateDomain { name, .. } => {
                self.catalogue.domains.iter().any(|domain| domain.name == *name)
            }
            Statement::CreateFunction(function) => {
                self.catalogue.functions(&function.name).next().is_some()
            }
            _ => false,
        }
    }

    /// Takes the tables away that SQL which does not run may close; whether there are any.
    pub(super) fn close_what_may_be_closed(&mut self, sql: &str, at: &At<'_>, what: &str) -> bool {
        let text = sql.to_lowercase();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.replace("execute function", "").replace("execute procedure", "");
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if !has(&[
            "alter table",
            "row level sec",
            "revoke",
            "policy",
            "trigger",
            "unique index",
            "drop ",
        ]) {
            return false;
        }
        let problem =
            format!("{what} in {}:{} that may protect it does not run", at.file, at.piece.line);
        // The names of its tables may come from the catalogue.
        let is_dynamic = has(&["execute"]);
        let is_named = |name: &str| text.contains(&name.to_lowercase());
        let names_any = self.catalogue.tables.iter().any(|table| is_named(&table.name.name));
        let is_any = is_dynamic && (!names_any || has(&["pg_", "information_schema"]));
        let mut closes = false;
        for table in &mut self.catalogue.tables {
            if !table.is_own && (is_any || is_named(&table.name.name)) {
                table.problems.push(problem.clone());
                closes = true;
            }
        }
        closes
    }
}

/// The name of what a statement makes.
fn made_by(statement: &Statement) -> Option<&String> {
    match statement {
        Statement::CreatePolicy(policy) => Some(&policy.name),
        Statement::CreateTrigger(trigger) => Some(&trigger.name),
        Statement::CreateIndex(index) => index.name.as_ref(),
        Statement::CreateTable { table, .. } => Some(&table.name),
        Statement::CreateEnum { name, .. } | Statement::CreateDomain { name, .. } => {
            Some(&name.name)
        }
        Statement::CreateFunction(function) => Some(&function.name.name),
        Statement::AlterTable { actions, .. } => match actions.first()? {
            AlterAction::AddColumn { column, .. } => Some(&column.name),
            AlterAction::AddConstraint(constraint) => constraint.name.as_ref(),
            _ => None,
        },
        _ => None,
    }
}

/// What stands between `begin` and `end`.
fn body(text: &str) -> Option<&str> {
    let open = text.find('$')?;
    let tag_end = open + 1 + text[open + 1..].find('$')? + 1;
    let tag = &text[open..tag_end];
    let close = text.rfind(tag)?;
    let body = split(text.get(tag_end..close)?).first().map(|piece| piece.text.as_ptr())?;
    let from = body as usize - text.as_ptr() as usize;
    without(text.get(from..close)?, "begin")
}

/// The statements of a block, and whether it ends in `exception when duplicate_object then null`.
fn parts(body: &str) -> Option<(Vec<Guarded>, bool)> {
    let mut pieces: Vec<&str> = split(body).iter().map(|piece| piece.text).collect();
    let end = pieces.pop()?;
    if !end.eq_ignore_ascii_case("end") {
        return None;
    }
    let may_exist = pieces.last().is_some_and(|piece| is_exception(piece));
    if may_exist {
        pieces.pop();
    }
    let mut parts = Vec::new();
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        if without(piece, "raise").is_some_and(|rest| without(rest, "notice").is_some()) {
            continue;
        }
        let Some((guard, first)) = guard(piece) else {
            parts.push(Guarded { guard: None, statements: vec![statement(piece)?] });
            continue;
        };
        let mut statements = vec![statement(first)?];
        loop {
            let piece = pieces.next()?;
            if piece.split_whitespace().map(str::to_lowercase).eq(["end", "if"]) {
                break;
            }
            statements.push(statement(piece)?);
        }
        parts.push(Guarded { guard: Some(guard), statements });
    }
    Some((parts, may_exist))
}

fn is_exception(text: &str) -> bool {
    let words = text.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    words.first() == Some(&"exception")
        && words.last() == Some(&"null")
        && words.iter().all(|word| {
            word.starts_with("duplicate_")
                || ["exception", "when", "or", "then", "null"].contains(word)
        })
}

/// A statement that neither changes rows nor is a block itself.
fn statement(text: &str) -> Option<Statement> {
    // What comes before it are comments.
    let text = split(text).first()?.text;
    parse(text).ok().filter(|one| !matches!(one, Statement::Data(_) | Statement::Block))
}

/// `if not exists (select … from pg_…) then`, and what follows it.
fn guard(text: &str) -> Option<(Guard, &str)> {
    let rest = without(text, "if")?;
    let negated = without(rest, "not");
    let rest = without(negated.unwrap_or(rest), "exists")?;
    let (mut depth, mut names, mut end) = (0, Vec::new(), None);
    let mut quoted: Option<usize> = None;
    for (at, c) in rest.char_indices() {
        match (c, quoted) {
            ('\'', None) => quoted = Some(at + 1),
            ('\'', Some(start)) => {
                names.push(rest[start..at].trim_matches('"').to_owned());
                quoted = None;
            }
            ('(', None) => depth += 1,
            (')', None) => {
                depth -= 1;
                if depth == 0 {
                    end = Some(at);
                    break;
                }
            }
            _ => {}
        }
    }
    let (condition, rest) = rest.split_at(end? + 1);
    let lower = condition.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| c.is_whitespace() || c == '(').collect();
    let mut sources = words.windows(2).filter(|pair| pair[0] == "from" || pair[0] == "join");
    let is_of_catalogue =
        |name: &str| ["pg_", "information_schema."].iter().any(|start| name.starts_with(start));
    let are_known = sources.all(|pair| is_of_catalogue(pair[1]));
    // Other conditions than equality might not mean what the names say.
    let is_plain = ![" or ", " like ", "<>", "!="].iter().any(|word| lower.contains(word));
    let guard = Guard { is_negated: negated.is_some(), names };
    (are_known && is_plain).then_some((guard, without(rest, "then")?))
}

/// What follows a word at the beginning of a text.
fn without<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let text = text.trim_start();
    let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let rest = &text[start.len()..];
    rest.starts_with(|c: char| c.is_whitespace() || c == '(').then_some(rest.trim_start())
}
