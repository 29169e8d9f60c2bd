//! From files to what a database needs: the steps of those that are new, and what there is in the end.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::catalogue::{Catalogue, Notice, SequenceState};
use super::compile::{Compiled, compile};
use super::data;
use super::ddl::SqliteTable;
use super::expression::Translator;
use super::read::{DataStep, Migration, Reader};
use super::registration::{Registration, sha256};
use crate::schema::Schema;

/// What files make of a database.
#[derive(Debug)]
pub struct Plan {
    /// Statements that change rows, in their order, each with the tables that it finds.
    pub steps: Vec<Step>,
    pub end: Compiled,
    pub sequences: Vec<SequenceState>,
    /// The ids of all tables, those included that are not available.
    pub known: Vec<u64>,
    pub schema: &'static Schema,
    pub notices: Vec<Notice>,
}

/// A statement that changes rows.
#[derive(Debug)]
pub struct Step {
    pub found: Arc<Found>,
    pub statements: Vec<String>,
    pub place: Notice,
}

/// What a statement that changes rows finds.
#[derive(Debug)]
pub struct Found {
    catalogue: Arc<Catalogue>,
    pub tables: Vec<SqliteTable>,
}

impl Found {
    pub fn sequences(&self) -> &[SequenceState] {
        &self.catalogue.sequences
    }
}

/// Plans are kept, because many databases of a process are of few projects, and because schemas stay:
/// one for each content.
static PLANS: LazyLock<Mutex<HashMap<String, Arc<Plan>>>> = LazyLock::new(Mutex::default);

/// What the files come to, of which the first `applied` are in the database already, in a project that
/// `exposes` new tables by itself or does not.
pub fn plan(
    files: &[Migration],
    applied: usize,
    registrations: &[Registration],
    exposes: bool,
) -> Arc<Plan> {
    let all: Vec<String> = files
        .iter()
        .map(|migration| format!("{}\0{}\0{}", migration.file, migration.sql, migration.is_own))
        .collect();
    let registered: Vec<_> = registrations.iter().map(|known| known.sha256).collect();
    let key = format!("{applied} {exposes} {} {}", sha256(&all.join("\0")), registered.join(" "));
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    plans
        .entry(key)
        .or_insert_with(|| Arc::new(make(files, applied, registrations, exposes)))
        .clone()
}

/// The schema that files make of a new project.
pub fn schema_of(files: &[Migration], registrations: &[Registration]) -> &'static Schema {
    plan(files, files.len(), registrations, false).schema
}

/// What of the files is neither read nor registered.
pub fn notices_of(files: &[Migration], registrations: &[Registration]) -> Vec<Notice> {
    plan(files, files.len(), registrations, false).notices.clone()
}

fn make(
    files: &[Migration],
    applied: usize,
    registrations: &[Registration],
    exposes: bool,
) -> Plan {
    let mut reader = Reader::new(registrations, exposes);
    let mut data = Vec::new();
    for (index, migration) in files.iter().enumerate() {
        reader.read(migration, (index >= applied).then_some(&mut data));
    }
    let mut notices = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    for data in data {
        let found = steps.last().map(|step| step.found.clone());
        steps.extend(step(data, found, &mut notices));
    }
    let catalogue = reader.catalogue;
    let known = catalogue.tables.iter().map(|table| table.id).collect();
    let sequences = catalogue.sequences.clone();
    let mut end = compile(catalogue);
    notices.append(&mut end.notices);
    let schema = Schema { tables: end.schema.tables, unavailable: end.schema.unavailable };
    Plan { steps, end, sequences, known, schema: Box::leak(Box::new(schema)), notices }
}

fn step(step: DataStep, last: Option<Arc<Found>>, notices: &mut Vec<Notice>) -> Option<Step> {
    let DataStep { before, statement, file, line, head } = step;
    let place = Notice { file, line, statement: head, message: String::new() };
    match data::translate(&mut Translator::new(&before), &statement) {
        Ok(statements) => {
            let found = last.filter(|last| Arc::ptr_eq(&last.catalogue, &before));
            let found = found.unwrap_or_else(|| {
                let tables = compile((*before).clone()).tables;
                Arc::new(Found { catalogue: before.clone(), tables })
            });
            Some(Step { found, statements, place })
        }
        Err(error) => {
            notices.push(Notice { message: format!("{error}; its rows are missing"), ..place });
            None
        }
    }
}
