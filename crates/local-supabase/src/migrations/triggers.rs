//! Triggers. A registered one is in SQLite's words; of others, the forms that nearly every project has
//! are read: columns that are set, one row that is inserted elsewhere.
//!
//! SQLite's triggers cannot change the row that is being written, so these change it afterwards. A
//! trigger does not fire itself (recursive_triggers is off).

use super::catalogue::{Catalogue, FunctionState, Place, TableState};
use super::data;
use super::expression::inline::Assigned;
use super::expression::{Kind, Relation, Scope, Translator, Value, query, quote, relation};
use super::not_understood::{Result, not_understood};
use super::plpgsql::{self, Step};
use super::statement::{FunctionBody, Timing, TriggerDef, TriggerEvent};
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
            let may_raise = function.is_none_or(|function| raises(catalogue, function));
            let may_refuse = may_raise
                || (table.is_some()
                    && (def.timing != Timing::After || function.is_some_and(writes_as_caller)));
            Outcome::Missing { reason: error.to_string(), may_refuse }
        }
    }
}

/// Whether a function changes rows with its caller's privileges and policies, which may refuse that.
fn writes_as_caller(function: &FunctionState) -> bool {
    let words = function.def.text.to_lowercase();
    !function.def.security_definer
        && words.split_whitespace().any(|word| ["insert", "update", "delete"].contains(&word))
}

/// Whether a function raises exceptions, or one of the migrations that it may call.
fn raises(catalogue: &Catalogue, function: &FunctionState) -> bool {
    let (mut reached, mut at) = (vec![function], 0);
    while let Some(function) = reached.get(at) {
        let words = function.def.text.to_lowercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        let raises = |pair: &[&str]| {
            pair[0] == "raise" && !["notice", "log", "warning", "info", "debug"].contains(&pair[1])
        };
        if words.windows(2).any(raises) || words.contains(&"raise;") {
            return true;
        }
        for other in &catalogue.functions {
            let is_named = words.iter().any(|word| word.contains(&other.def.name.name));
            if is_named && !reached.iter().any(|known| std::ptr::eq(*known, other)) {
                reached.push(other);
            }
        }
        at += 1;
    }
    false
}

/// Refuses new users, whom a trigger that does not run might refuse.
pub fn refusal(def: &TriggerDef) -> Vec<SqliteTrigger> {
    let name = def.name.replace('\'', "''");
    let body =
        format!("select raise(abort, 'postgresql:P0001:the trigger {name} does not run here');");
    let def = TriggerDef { events: vec![TriggerEvent::Insert], ..def.clone() };
    for_events(None, &def, "before", "", &body)
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
    translator.as_owner =
        table.is_none() || function.is_some_and(|function| function.def.security_definer);
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
    let (refusals, body) = match function {
        Some(function) => {
            let FunctionBody::Text(text) = &function.def.body else {
                return not_understood("its function has no body that is read");
            };
            if function.def.language != "plpgsql" {
                return not_understood("its function is not in PL/pgSQL");
            }
            let mut body = Body {
                translator: &mut translator,
                table,
                def,
                assigned: Vec::new(),
                text,
                refusals: String::new(),
                statements: String::new(),
            };
            let (variables, steps) = plpgsql::read(text)?;
            for (name, data_type) in variables {
                let pg_type = catalogue.resolve(&data_type)?.pg_type;
                body.scope().push((Some(name), Value::new("null", pg_type)));
            }
            body.add(&steps, &[])?;
            (body.refusals, body.statements)
        }
        None => (String::new(), moddatetime(table, def)?),
    };
    if refusals.contains('\u{1}') || body.contains('\u{1}') {
        return not_understood("it reads tables as its caller");
    }
    let time = if def.timing == Timing::Before && !has_new { "before" } else { "after" };
    let mut made = Vec::new();
    if !refusals.is_empty() {
        let refusing = TriggerDef { name: format!("{}_refuses", def.name), ..def.clone() };
        made.extend(for_events(table, &refusing, "before", &when, &refusals));
    }
    if !body.is_empty() {
        made.extend(for_events(table, def, time, &when, &body));
    }
    Ok(made)
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

/// The statements of a trigger in SQLite's words.
struct Body<'t, 'c> {
    translator: &'t mut Translator<'c>,
    table: Option<&'t TableState>,
    def: &'t TriggerDef,
    /// Columns of `new` that have been set: what comes later would have to see it.
    assigned: Vec<String>,
    /// The body as it is written.
    text: &'t str,
    /// What refuses a row has to come before it is written.
    refusals: String,
    statements: String,
}

impl Body<'_, '_> {
    /// Adds steps, which are taken where the conditions hold; whether they end in a return.
    fn add(&mut self, steps: &[Step], conditions: &[String]) -> Result<bool> {
        let mut conditions = conditions.to_vec();
        for (index, step) in steps.iter().enumerate() {
            match step {
                Step::Return if index + 1 == steps.len() => return Ok(true),
                Step::Return => return not_understood("statements after a return"),
                Step::Set(column, expr) => self.set(column, expr, &conditions)?,
                Step::Assign(variable, assigned) => self.assign(variable, assigned, &conditions)?,
                Step::Raise(message) => self.raise(message, &conditions)?,
                Step::Data(_) if !self.translator.as_owner => {
                    return not_understood(
                        "it changes rows as its caller, not as security definer",
                    );
                }
                Step::Data(statement) => {
                    for sql in data::translate(self.translator, statement)? {
                        let sql = data::guarded(&sql, &conditions.join(" and "))?;
                        self.push(&sql)?;
                    }
                }
                Step::If(branches, otherwise) => {
                    let mut before = conditions.clone();
                    for (condition, steps) in branches {
                        let condition = self.translator.condition(condition)?;
                        let within = [&before[..], &[format!("({condition}) is true")]].concat();
                        if self.add(steps, &within)? {
                            // What follows is for the other cases.
                            conditions.push(format!("({condition}) is not true"));
                        }
                        before.push(format!("({condition}) is not true"));
                    }
                    if self.add(otherwise, &before)? && index + 1 < steps.len() {
                        return not_understood("statements after a return");
                    }
                }
            }
        }
        Ok(false)
    }

    /// The variables.
    fn scope(&mut self) -> &mut Vec<(Option<String>, Value)> {
        &mut self.translator.scopes[0].parameters
    }

    /// A variable is what it was given last, of whatever holds where it is used. It is evaluated there:
    /// so nothing may have been written in between.
    fn assign(&mut self, variable: &str, assigned: &Assigned, conditions: &[String]) -> Result<()> {
        let is_late = !self.statements.is_empty();
        if is_late && mentions(self.text, variable) > 2 {
            return not_understood("a variable that is set after a change");
        }
        let known = self.scope().iter().position(|(name, _)| name.as_deref() == Some(variable));
        let Some(at) = known else {
            return not_understood(format!("there is no variable {variable}"));
        };
        let Kind::Of(pg_type) = self.scope()[at].1.kind else {
            return not_understood("a variable of no type");
        };
        let value = self.translator.given(assigned, pg_type)?;
        // Nothing uses it but what declares and sets it.
        if is_late {
            return Ok(());
        }
        let before = self.scope()[at].1.sql.clone();
        let sql = match conditions {
            [] => format!("({value})"),
            conditions => {
                format!("(case when {} then {value} else {before} end)", conditions.join(" and "))
            }
        };
        self.scope()[at].1 = Value::new(sql, pg_type);
        Ok(())
    }

    fn push(&mut self, sql: &str) -> Result<()> {
        if self.assigned.iter().any(|column| sql.contains(&format!("new.{}", quote(column)))) {
            return not_understood("it uses a column that it has set");
        }
        self.statements.push_str(sql);
        self.statements.push_str("; ");
        Ok(())
    }

    fn set(
        &mut self,
        column: &str,
        expr: &sqlparser::ast::Expr,
        conditions: &[String],
    ) -> Result<()> {
        let Some(state) = self.table.filter(|_| self.def.timing == Timing::Before) else {
            return not_understood("it changes a row that has been written");
        };
        let Some(known) = state.column(column) else {
            return not_understood(format!("there is no column {column}"));
        };
        let pg_type = self.translator.catalogue.resolve(&known.data_type)?.pg_type;
        let value = self.translator.assigned(expr, pg_type)?;
        let conditions: String =
            conditions.iter().map(|condition| format!(" and {condition}")).collect();
        let sql = set(state, &[(column.to_owned(), value)]);
        self.push(&format!("{}{conditions}", sql.trim_end_matches(';')))?;
        self.assigned.push(column.to_owned());
        Ok(())
    }

    fn raise(&mut self, message: &str, conditions: &[String]) -> Result<()> {
        let message = format!("postgresql:P0001:{message}").replace('\'', "''");
        let condition =
            if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") };
        let sql = format!("select raise(abort, '{message}') where {condition}; ");
        if self.def.timing == Timing::Before && self.statements.is_empty() {
            self.refusals.push_str(&sql);
            return Ok(());
        }
        self.push(sql.trim_end_matches("; "))
    }
}

/// How often a word is in a text.
fn mentions(text: &str, word: &str) -> usize {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|other| other.eq_ignore_ascii_case(word)).count()
}

/// What a trigger that does not run makes of its table, for whoever starts the server.
pub fn notice(place: &Place, message: String) -> super::catalogue::Notice {
    let (file, line, statement) = place.clone();
    super::catalogue::Notice { file, line, statement, message }
}
