//! What is said of what is not carried over.

use super::super::catalogue::*;
use super::super::statement::{Returns, TriggerDef};
use super::super::triggers;
use super::table::computed_of;
use crate::schema::Table;

pub(super) fn table_notice(state: &TableState) -> Option<Notice> {
    let problem = state.problems.first()?;
    let statement = format!("table {}.{}", state.name.schema, state.name.name);
    let message = format!("{problem}; the table is not available");
    Some(Notice { file: String::new(), line: 0, statement, message })
}

pub(super) fn missing_trigger(
    state: &TableState,
    def: &TriggerDef,
    place: &Place,
    reason: &str,
    may_refuse: bool,
) -> Notice {
    let table = &state.name.name;
    let message = if may_refuse {
        let commands: Vec<_> =
            triggers::commands(def).iter().map(|c| c.name().to_lowercase()).collect();
        format!("{reason}; {} on the table {table} is refused", commands.join(" and "))
    } else {
        format!("{reason}; what it does after a change of {table} is missing")
    };
    triggers::notice(place, message)
}

/// Tables that everybody may use.
pub(super) fn open_tables(served: &[&'static Table]) -> Vec<Notice> {
    let notice = |table: &&'static Table| {
        let who = match &table.grants {
            _ if table.has_row_security => return None,
            grants if grants.anon.is_anything() => "everybody who has the address",
            grants if grants.authenticated.is_anything() => "everybody who signs up",
            _ => return None,
        };
        Some(Notice {
            file: String::new(),
            line: 0,
            statement: format!("table public.{}", table.name),
            message: format!(
                "row-level security is off: {who} may use all of its rows, as on Supabase"
            ),
        })
    };
    served.iter().filter_map(notice).collect()
}

/// A table that no request can reach, because no role of the API may use it.
pub(super) fn closed(catalogue: &Catalogue, state: &TableState) -> Option<Notice> {
    let is_closed = !state.is_own
        && state.name.schema == "public"
        && state.problems.is_empty()
        && !state.is_granted();
    let (file, line) = state.made.clone();
    let table = format!("public.{}", state.name.name);
    let or_key = match catalogue.exposes {
        true => "",
        false => {
            "; or set auto_expose_new_tables = true under [api] in config.toml, if your project \
             still has it so"
        }
    };
    is_closed.then(|| Notice {
        message: format!(
            "nothing on it is granted to anon, authenticated or service_role, so no request can \
             reach it, as on Supabase. Grant in a migration what each is to have, as in \"grant \
             select, insert, update, delete on {table} to authenticated\"{or_key}"
        ),
        statement: format!("table {table}"),
        file,
        line,
    })
}

/// Functions that requests could call, if somebody had written them in Rust.
pub(super) fn unregistered(catalogue: &Catalogue, function: &FunctionState) -> Option<Notice> {
    let is_callable = function.def.name.schema == "public"
        && function.registration.is_none()
        && !matches!(function.def.returns, Returns::Trigger)
        && computed_of(catalogue, function).is_none();
    is_callable.then(|| Notice {
        file: function.file.clone(),
        line: function.line,
        statement: function.head.clone(),
        message: format!(
            "functions are not called here unless a policy or trigger uses them; /rpc/{} is not available",
            function.def.name.name
        ),
    })
}
