//! Triggers. A registered one is in SQLite's words; of others, the forms that nearly every project has
//! are read: columns that are set, one row that is inserted elsewhere.
//!
//! SQLite's triggers cannot change the row that is being written, so these change it afterwards. A
//! trigger does not fire itself (recursive_triggers is off).

use sqlparser::ast::Statement as Parsed;

use super::catalogue::{Catalogue, FunctionState, Place, TableState};
use super::data;
use super::expression::{Relation, Scope, Translator, query, quote, relation};
use super::not_understood::{Result, not_understood};
use super::parse::{parse, parse_expr};
use super::split::split;
use super::statement::{FunctionBody, Statement, Timing, TriggerDef, TriggerEvent};
use crate::schema::Command;

/// A trigger for SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteTrigger {
    pub name: String,
    pub sql: String,
}

/// What becomes of a trigger.
pub enum Outcome {
    /// These do the same.
    Made(Vec<SqliteTrigger>),
    /// It does not run; whether that may let something pass.
    Missing { reason: String, may_refuse: bool },
}

/// A trigger of a table, or of `auth.users` where there is none.
pub fn trigger(catalogue: &Catalogue, table: Option<&TableState>, def: &TriggerDef) -> Outcome {
    let function = catalogue.functions.iter().find(|function| function.def.name == def.function);
    let made = match function.and_then(|function| function.registration) {
        Some(registration) => registered(table, def, registration.trigger),
        None => read(catalogue, table, def, function),
    };
    match made {
        Ok(triggers) => Outcome::Made(triggers),
        Err(error) => {
            let body = function.map(|function| function.def.text.to_lowercase());
            let may_refuse = def.timing != Timing::After
                || body.is_none_or(|body| body.contains("raise") && body.contains("exception"));
            Outcome::Missing { reason: error.to_string(), may_refuse }
        }
    }
}

/// The commands that fire a trigger.
pub fn commands(def: &TriggerDef) -> Vec<Command> {
    let command = |event: &TriggerEvent| match event {
        TriggerEvent::Insert => Some(Command::Insert),
        TriggerEvent::Update(_) => Some(Command::Update),
        TriggerEvent::Delete => Some(Command::Delete),
        TriggerEvent::Truncate => None,
    };
    def.events.iter().filter_map(command).collect()
}

fn registered(
    table: Option<&TableState>,
    def: &TriggerDef,
    body: Option<super::registration::TriggerBody>,
) -> Result<Vec<SqliteTrigger>> {
    let Some(body) = body else {
        return not_understood("its function is registered for no trigger");
    };
    if body.statements.is_empty() {
        return Ok(Vec::new());
    }
    let when = if body.when.is_empty() { String::new() } else { format!(" when {}", body.when) };
    Ok(for_events(table, def, "after", &when, body.statements.trim_end()))
}

/// One trigger of SQLite for each event.
fn for_events(
    table: Option<&TableState>,
    def: &TriggerDef,
    time: &str,
    when: &str,
    body: &str,
) -> Vec<SqliteTrigger> {
    let on = table.map_or_else(|| "auth_users".to_owned(), TableState::sqlite_name);
    let several = def.events.len() > 1;
    let made = def.events.iter().filter_map(|event| {
        let (word, event) = match event {
            TriggerEvent::Insert => ("insert", "insert".to_owned()),
            TriggerEvent::Delete => ("delete", "delete".to_owned()),
            TriggerEvent::Update(columns) if columns.is_empty() => ("update", "update".to_owned()),
            TriggerEvent::Update(columns) => {
                let columns: Vec<_> = columns.iter().map(|column| quote(column)).collect();
                ("update", format!("update of {}", columns.join(", ")))
            }
            TriggerEvent::Truncate => return None,
        };
        let suffix = if several { format!("_{word}") } else { String::new() };
        let name = format!("{on}.{}{suffix}", def.name);
        let sql = format!(
            "create trigger {} {time} {event} on {}{when} begin {body} end",
            quote(&name),
            quote(&on)
        );
        Some(SqliteTrigger { name, sql })
    });
    made.collect()
}

fn read(
    catalogue: &Catalogue,
    table: Option<&TableState>,
    def: &TriggerDef,
    function: Option<&FunctionState>,
) -> Result<Vec<SqliteTrigger>> {
    if def.timing == Timing::InsteadOf || !def.for_each_row {
        return not_understood("only triggers for each row are read");
    }
    let has_old = !def.events.contains(&TriggerEvent::Insert);
    let has_new = !def.events.contains(&TriggerEvent::Delete);
    let mut translator = Translator::new(catalogue);
    translator.sees_all = true;
    let row = |name: &str| -> Result<Relation> {
        let mut row = match table {
            Some(table) => relation(catalogue, table, &table.names(), Some(name))?,
            None => query::users(name),
        };
        name.clone_into(&mut row.name);
        Ok(row)
    };
    let mut relations = Vec::new();
    if has_new {
        relations.push(row("new")?);
    }
    if has_old {
        relations.push(row("old")?);
    }
    translator.scopes = vec![Scope { relations, parameters: Vec::new() }];
    let when = match &def.when {
        Some(condition) => format!(" when {}", translator.condition(condition)?),
        None => String::new(),
    };
    let body = match function {
        Some(function) => {
            let steps = steps(function)?;
            statements(&mut translator, table, def, &steps)?
        }
        None => moddatetime(table, def)?,
    };
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if body.contains('\u{1}') {
        return not_understood("it reads tables as its caller");
    }
    let time = if def.timing == Timing::Before && !has_new { "before" } else { "after" };
    Ok(for_events(table, def, time, &when, &body))
}

/// The extension's function that sets a column to the time of the change.
fn moddatetime(table: Option<&TableState>, def: &TriggerDef) -> Result<String> {
    let (Some(table), "moddatetime", [column]) =
        (table, def.function.name.as_str(), &def.arguments[..])
    else {
        return not_understood(format!("there is no function {}()", def.function.name));
    };
    if table.column(column).is_none() {
        return not_understood(format!("there is no column {column}"));
    }
    Ok(set(table, &[(column.clone(), "now()".to_owned())]))
}

fn set(table: &TableState, columns: &[(String, String)]) -> String {
    let set: Vec<_> =
        columns.iter().map(|(name, value)| format!("{} = {value}", quote(name))).collect();
    format!(
        "update {} set {} where rowid = new.rowid;",
        quote(&table.sqlite_name()),
        set.join(", ")
    )
}

/// A statement of a PL/pgSQL function.
enum Step {
    Set(String, Box<sqlparser::ast::Expr>),
    Data(Box<Parsed>),
    Return,
}

/// `begin …; end`
fn steps(function: &FunctionState) -> Result<Vec<Step>> {
    let FunctionBody::Text(text) = &function.def.body else {
        return not_understood("its function has no body that is read");
    };
    if function.def.language != "plpgsql" {
        return not_understood("its function is not in PL/pgSQL");
    }
    let mut pieces: Vec<String> = split(text).iter().map(|piece| piece.text.to_owned()).collect();
    let is_end = pieces.last().is_some_and(|last| last.eq_ignore_ascii_case("end"));
    let begins = pieces.first().and_then(|first| {
        let rest = first.get(..5).filter(|word| word.eq_ignore_ascii_case("begin"))?;
        first.get(rest.len()..).map(str::trim_start).map(str::to_owned)
    });
    let (true, Some(first)) = (is_end, begins) else {
        return not_understood("its function has more than plain statements");
    };
    pieces[0] = first;
    pieces.pop();
    pieces.iter().map(|piece| step(piece)).collect()
}

fn step(text: &str) -> Result<Step> {
    let text = strip_comments(text);
    let text = text.trim();
    let lower = text.to_lowercase();
    if ["return new", "return old", "return null"].contains(&lower.as_str()) {
        return Ok(Step::Return);
    }
    if lower.starts_with("new.") {
        let Some((column, value)) = text.split_once('=') else {
            return not_understood(format!("\"{text}\" is not read"));
        };
        let column = column.trim_end_matches(':').trim()[4..].trim().to_lowercase();
        return Ok(Step::Set(
            column.trim_matches('"').to_owned(),
            Box::new(parse_expr(value.trim())?),
        ));
    }
    match parse(text)? {
        Statement::Data(statement) => Ok(Step::Data(statement)),
        _ => not_understood(format!("\"{text}\" is not read")),
    }
}

fn strip_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

fn statements(
    translator: &mut Translator<'_>,
    table: Option<&TableState>,
    def: &TriggerDef,
    steps: &[Step],
) -> Result<String> {
    let (mut assigned, mut body) = (Vec::new(), String::new());
    for step in steps {
        match step {
            Step::Set(column, expr) => {
                let Some(state) = table.filter(|_| def.timing == Timing::Before) else {
                    return not_understood("it changes a row that has been written");
                };
                let Some(known) = state.column(column) else {
                    return not_understood(format!("there is no column {column}"));
                };
                let pg_type = translator.catalogue.resolve(&known.data_type)?.pg_type;
                assigned.push((column.clone(), translator.assigned(expr, pg_type)?));
            }
            Step::Data(statement) => {
                for sql in data::translate(translator, statement)? {
                    body.push_str(&sql);
                    body.push_str("; ");
                }
            }
            Step::Return => {}
        }
    }
    let uses_assigned = |value: &String| {
        assigned.iter().any(|(column, _)| value.contains(&format!("new.{}", quote(column))))
    };
    if assigned.len() > 1 && assigned.iter().any(|(_, value)| uses_assigned(value)) {
        return not_understood("it uses a column that it has set");
    }
    match table {
        Some(state) if !assigned.is_empty() => Ok(format!("{}{body}", set(state, &assigned))),
        _ => Ok(body),
    }
}

/// What a trigger that does not run makes of its table, for whoever starts the server.
pub fn notice(place: &Place, message: String) -> super::catalogue::Notice {
    let (file, line, statement) = place.clone();
    super::catalogue::Notice { file, line, statement, message }
}
