//! The reader, by what it makes of texts.

mod closed;
mod database;
mod reading;

use std::sync::Arc;

use super::plan::{Plan, plan};
use super::read::Migration;
use crate::schema::{Fragment, Table};

fn file(sql: &str) -> Migration {
    Migration::new("20260101000000_test.sql", sql)
}

fn read(sql: &str) -> Arc<Plan> {
    plan(&[file(sql)], 0, &[], false)
}

/// In a project that exposes new tables by itself.
fn read_exposed(sql: &str) -> Arc<Plan> {
    plan(&[file(sql)], 0, &[], true)
}

#[track_caller]
fn table(sql: &str, name: &str) -> &'static Table {
    find(&read(sql), name)
}

#[track_caller]
fn find(plan: &Plan, name: &str) -> &'static Table {
    let found = plan.schema.tables.iter().find(|table| table.name == name);
    found.unwrap_or_else(|| panic!("{name} is not served: {:#?}", plan.notices))
}

/// SQL with the rows of other tables in angle brackets.
fn spelled(fragments: &[Fragment]) -> String {
    let spell = |fragment: &Fragment| match fragment {
        Fragment::Sql(sql) => (*sql).to_owned(),
        Fragment::VisibleRows(table) => format!("<{table}>"),
    };
    fragments.iter().map(spell).collect()
}
