//! The catalogue as what is served: tables with their policies and grants, and as tables of SQLite.

mod access;
mod constraints;
mod notices;
mod table;

use self::notices::{closed, missing_trigger, open_tables, table_notice, unregistered};
use self::table::table;
use super::catalogue::*;
use super::ddl::SqliteTable;
use super::not_understood::Result;
use super::statement::TriggerEvent;
use super::trial::Trial;
use super::triggers::Outcome;
use super::types::leak;
use super::{ddl, triggers};
use crate::schema::{Refused, Schema, Unavailable};

/// What a catalogue comes to.
#[derive(Debug)]
pub struct Compiled {
    pub tables: Vec<SqliteTable>,
    pub schema: Schema,
    pub notices: Vec<Notice>,
}

/// Compiles a catalogue. A table that cannot be carried over whole takes those with it that depend on
/// it.
pub fn compile(mut catalogue: Catalogue) -> Compiled {
    if catalogue.has_event_trigger {
        let open = catalogue.tables.iter_mut().filter(|table| !table.is_own && !table.row_security);
        let problem = "an event trigger may have turned on its row-level security";
        open.for_each(|table| table.problems.push(problem.to_owned()));
    }
    loop {
        let (problems, trial) = problems(&catalogue);
        if problems.is_empty() {
            return assemble(&catalogue, trial.as_ref());
        }
        for (at, problem) in problems {
            catalogue.tables[at].problems.push(problem);
        }
    }
}

/// What keeps tables from being carried over, and a database in which all of them are.
fn problems(catalogue: &Catalogue) -> (Vec<(usize, String)>, Option<Trial>) {
    let available = || {
        let tables = catalogue.tables.iter().enumerate();
        tables.filter(|(_, table)| table.problems.is_empty())
    };
    let problems = |check: &dyn Fn(&TableState) -> Result<()>| -> Vec<_> {
        let failed =
            |(at, table): (usize, &TableState)| Some((at, check(table).err()?.to_string()));
        available().filter_map(failed).collect()
    };
    let found = problems(&|state| table(catalogue, state, &mut Vec::new()).map(|_| ()));
    let Ok(trial) = Trial::new() else { return (found, None) };
    if !found.is_empty() {
        return (found, None);
    }
    let found = problems(&|state| trial.table(&ddl::table(catalogue, state)?));
    if !found.is_empty() {
        return (found, None);
    }
    let found = problems(&|state| match state.name.schema.as_str() {
        "public" => trial.expressions(&table(catalogue, state, &mut Vec::new())?),
        _ => Ok(()),
    });
    (found, Some(trial))
}

fn assemble(catalogue: &Catalogue, trial: Option<&Trial>) -> Compiled {
    let mut notices = catalogue.notices.clone();
    let (mut tables, mut served, mut unavailable) = (Vec::new(), Vec::new(), Vec::new());
    for state in &catalogue.tables {
        let is_public = state.name.schema == "public";
        let Ok(mut sqlite) = ddl::table(catalogue, state) else {
            unavailable.extend(is_public.then(|| unavailable_table(state)));
            continue;
        };
        if !state.problems.is_empty() {
            unavailable.extend(is_public.then(|| unavailable_table(state)));
            continue;
        }
        let mut refused = Vec::new();
        for (def, place) in &state.triggers {
            match tried(trial, triggers::trigger(catalogue, Some(state), def)) {
                Outcome::Made(made) => sqlite.triggers.extend(made),
                Outcome::Missing { reason, may_refuse } => {
                    notices.push(missing_trigger(state, def, place, &reason, may_refuse));
                    if may_refuse {
                        let reason = format!("its trigger {} cannot run: {reason}.", def.name);
                        refused.extend(
                            triggers::commands(def)
                                .into_iter()
                                .map(|command| Refused { command, reason: leak(&reason) }),
                        );
                    }
                }
            }
        }
        tables.push(sqlite);
        if is_public {
            match table(catalogue, state, &mut notices) {
                Ok(mut table) => {
                    table.refused = refused.leak();
                    served.push(&*Box::leak(Box::new(table)));
                }
                Err(_) => unavailable.push(unavailable_table(state)),
            }
        }
    }
    for (def, place) in &catalogue.user_triggers {
        match tried(trial, triggers::trigger(catalogue, None, def)) {
            Outcome::Made(made) => {
                tables.push(user_trigger(made));
            }
            Outcome::Missing { reason, may_refuse: true }
                if def.events.contains(&TriggerEvent::Insert) =>
            {
                let message = format!("{reason}; new users, whom it may refuse, are refused");
                notices.push(triggers::notice(place, message));
                tables.push(user_trigger(triggers::refusal(def)));
            }
            Outcome::Missing { reason, .. } => {
                let message = format!("{reason}; it does nothing when users come and go");
                notices.push(triggers::notice(place, message));
            }
        }
    }
    notices.extend(catalogue.tables.iter().filter_map(table_notice));
    notices.extend(open_tables(&served));
    notices.extend(catalogue.tables.iter().filter_map(|state| closed(catalogue, state)));
    notices.extend(catalogue.functions.iter().filter_map(|f| unregistered(catalogue, f)));
    Compiled {
        tables,
        schema: Schema { tables: served.leak(), unavailable: unavailable.leak() },
        notices,
    }
}

/// What becomes of a trigger, if SQLite takes it.
fn tried(trial: Option<&Trial>, outcome: Outcome) -> Outcome {
    let (Some(trial), Outcome::Made(made)) = (trial, &outcome) else { return outcome };
    match made.iter().try_for_each(|trigger| trial.trigger(trigger)) {
        Ok(()) => outcome,
        Err(error) => Outcome::Missing { reason: error.to_string(), may_refuse: true },
    }
}

/// Triggers on users belong to a table that is not the project's.
fn user_trigger(triggers: Vec<triggers::SqliteTrigger>) -> SqliteTable {
    SqliteTable {
        id: 0,
        name: "auth_users".to_owned(),
        create: String::new(),
        columns: Vec::new(),
        indexes: Vec::new(),
        triggers,
    }
}

fn unavailable_table(state: &TableState) -> Unavailable {
    let reason = state.problems.first().map(String::as_str).unwrap_or_default();
    Unavailable { table: leak(&state.name.name), reason: leak(&format!("{reason}.")) }
}
