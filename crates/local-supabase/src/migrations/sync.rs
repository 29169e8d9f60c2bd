//! Brings the tables of a database to what the files say, keeping their rows. A table whose `create
//! table` says something else is made anew and its rows are copied: SQLite changes little in place.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result};
use serde_json::{Value, json};

use super::catalogue::SequenceState;
use super::ddl::SqliteTable;
use super::expression::quote;

/// A table as it was last made.
struct Made {
    id: i64,
    name: String,
    create: String,
    /// Ids, names and types of its columns.
    columns: Vec<(u64, String, String)>,
}

/// Brings the tables up to date; `known` are the tables that the files still have.
pub fn sync(
    connection: &Connection,
    tables: &[SqliteTable],
    sequences: &[SequenceState],
    known: Option<&[u64]>,
) -> Result<()> {
    let extras_json = extras(tables);
    let made = made(connection)?;
    let is_same = |table: &SqliteTable| {
        made.iter().any(|made| {
            made.id as u64 == table.id && made.name == table.name && made.create == table.create
        })
    };
    let own = || tables.iter().filter(|table| !table.create.is_empty());
    let dropped: Vec<&Made> = made
        .iter()
        .filter(|made| known.is_some_and(|known| !known.contains(&(made.id as u64))))
        .collect();
    let current = current_extras(connection)?;
    if own().all(is_same) && dropped.is_empty() && current.as_deref() == Some(&extras_json) {
        return Ok(());
    }
    drop_triggers(connection)?;
    drop_indexes(connection, current.as_deref())?;
    for table in dropped {
        connection.execute_batch(&format!("drop table if exists {}", quote(&table.name)))?;
        connection.execute("delete from local_tables where id = ?", [table.id])?;
    }
    let changed: Vec<_> = own().filter(|table| !is_same(table)).collect();
    rename_aside(connection, &changed, &made)?;
    for table in &changed {
        rebuild(connection, table, &made)?;
    }
    for sequence in sequences {
        let start = sequence.start - sequence.increment;
        let insert =
            "insert or ignore into local_sequences (name, last_value, increment) values (?, ?, ?)";
        connection.execute(insert, (&sequence.name, start, sequence.increment))?;
    }
    for table in tables {
        for (_, sql) in &table.indexes {
            connection.execute_batch(sql)?;
        }
    }
    for trigger in tables.iter().flat_map(|table| &table.triggers) {
        connection.execute_batch(&trigger.sql)?;
    }
    let keep = "insert into local_state (name, value) values ('extras', ?1) \
                on conflict (name) do update set value = ?1";
    connection.execute(keep, [&extras_json])?;
    Ok(())
}

/// Indexes and triggers, which cost little to make anew.
fn extras(tables: &[SqliteTable]) -> String {
    let all = tables.iter().map(|table| {
        let triggers: Vec<_> = table.triggers.iter().map(|trigger| &trigger.sql).collect();
        json!({ "table": table.name, "indexes": table.indexes, "triggers": triggers })
    });
    Value::from(all.collect::<Vec<_>>()).to_string()
}

fn current_extras(connection: &Connection) -> Result<Option<String>> {
    let select = "select value from local_state where name = 'extras'";
    connection.query_row(select, [], |row| row.get(0)).optional()
}

fn made(connection: &Connection) -> Result<Vec<Made>> {
    let select = "select id, name, sql, columns from local_tables";
    let mut statement = connection.prepare(select)?;
    let rows = statement.query_map([], |row| {
        let columns: String = row.get(3)?;
        let columns = serde_json::from_str(&columns).unwrap_or_default();
        Ok(Made { id: row.get(0)?, name: row.get(1)?, create: row.get(2)?, columns })
    })?;
    rows.collect()
}

/// No table of every project has one.
fn drop_triggers(connection: &Connection) -> Result<()> {
    let mut statement =
        connection.prepare("select name from sqlite_schema where type = 'trigger'")?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    names
        .iter()
        .try_for_each(|name| connection.execute_batch(&format!("drop trigger {}", quote(name))))
}

fn drop_indexes(connection: &Connection, extras: Option<&str>) -> Result<()> {
    let extras: Value = extras.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for table in extras.as_array().into_iter().flatten() {
        for index in table["indexes"].as_array().into_iter().flatten() {
            let name = index[0].as_str().unwrap_or_default();
            connection.execute_batch(&format!("drop index if exists {}", quote(name)))?;
        }
    }
    Ok(())
}

fn aside(name: &str) -> String {
    format!("local_old.{name}")
}

/// Gives the tables that are made anew other names, so that they can exchange theirs.
fn rename_aside(connection: &Connection, changed: &[&SqliteTable], made: &[Made]) -> Result<()> {
    let names: HashMap<u64, &str> =
        made.iter().map(|made| (made.id as u64, made.name.as_str())).collect();
    for table in changed {
        let name = names.get(&table.id).copied().unwrap_or(&table.name);
        let exists =
            "select exists (select 1 from sqlite_schema where type = 'table' and name = ?)";
        if connection.query_row(exists, [name], |row| row.get::<_, bool>(0))? {
            let rename =
                format!("alter table {} rename to {}", quote(name), quote(&aside(&table.name)));
            connection.execute_batch(&rename)?;
        }
    }
    Ok(())
}

fn rebuild(connection: &Connection, table: &SqliteTable, made: &[Made]) -> Result<()> {
    let old_name = aside(&table.name);
    let old = made.iter().find(|made| made.id as u64 == table.id);
    connection.execute_batch(&table.create)?;
    let mut statement =
        connection.prepare("select name from pragma_table_xinfo(?) where hidden = 0")?;
    let stored: Vec<String> =
        statement.query_map([&old_name], |row| row.get(0))?.collect::<Result<_>>()?;
    if !stored.is_empty() {
        let pairs = copied(table, old, &stored);
        let names: Vec<_> = pairs.iter().map(|(name, _)| quote(name)).collect();
        let values: Vec<_> = pairs.iter().map(|(_, value)| value.clone()).collect();
        let copy = format!(
            "insert into {} ({}) select {} from {} order by rowid",
            quote(&table.name),
            names.join(", "),
            values.join(", "),
            quote(&old_name)
        );
        if !pairs.is_empty() {
            connection.execute_batch(&copy)?;
        }
        connection.execute_batch(&format!("drop table {}", quote(&old_name)))?;
    }
    let columns: Vec<_> =
        table.columns.iter().map(|(id, name, pg_type)| json!([id, name, pg_type.name()])).collect();
    let keep = "insert into local_tables (id, name, sql, columns) values (?1, ?2, ?3, ?4) \
                on conflict (id) do update set name = ?2, sql = ?3, columns = ?4";
    let columns = Value::from(columns).to_string();
    connection.execute(keep, (table.id as i64, &table.name, &table.create, columns))?;
    Ok(())
}

/// The columns that the new table has of the old one, and their values.
fn copied(table: &SqliteTable, old: Option<&Made>, stored: &[String]) -> Vec<(String, String)> {
    let pair = |(id, name, pg_type): &(u64, String, crate::schema::PgType)| {
        let Some(old) = old else {
            // A folder of before its tables were read from migrations.
            return stored.contains(name).then(|| (name.clone(), quote(name)));
        };
        let (_, old_name, old_type) = old.columns.iter().find(|(known, ..)| known == id)?;
        let value = quote(old_name);
        let value = match pg_type.name() {
            same if same == old_type => value,
            "text" | "character varying" => format!("cast({value} as text)"),
            "bigint" | "integer"
                if ["integer", "smallint", "bigint"].contains(&old_type.as_str()) =>
            {
                value
            }
            other => format!("type_input('{other}', cast({value} as text))"),
        };
        Some((name.clone(), value))
    };
    table.columns.iter().filter_map(pair).collect()
}
