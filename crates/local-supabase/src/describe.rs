//! A description of a project, to compare other projects with.

use crate::project::Project;
use crate::schema::{Command, Table};

/// The tables and functions of the schema `public`.
#[derive(Clone, Debug)]
pub struct SchemaDescription {
    /// In the order of the migrations.
    pub tables: Vec<TableDescription>,
    /// In the order of [`Project::functions`].
    pub functions: Vec<FunctionDescription>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct TableDescription {
    /// Its name.
    pub name: &'static str,
    /// Its columns, the computed ones included.
    pub columns: Vec<&'static str>,
    /// The commands that have a policy, e.g. `SELECT`, by alphabet.
    pub policies: Vec<&'static str>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct FunctionDescription {
    /// Its name.
    pub name: &'static str,
    /// The names of all its parameters.
    pub parameters: Vec<&'static str>,
}

impl Project {
    /// Its tables and functions.
    pub fn describe(&self) -> SchemaDescription {
        let tables = self.schema().tables.iter().map(|table| TableDescription {
            name: table.name,
            columns: table.columns.iter().map(|column| column.name).collect(),
            policies: commands(table),
        });
        let functions = self.functions.iter().map(|function| FunctionDescription {
            name: function.name,
            parameters: function.parameters.iter().map(|parameter| parameter.name).collect(),
        });
        SchemaDescription { tables: tables.collect(), functions: functions.collect() }
    }
}

fn commands(table: &Table) -> Vec<&'static str> {
    let has_policy =
        |command: &&Command| table.policies.iter().any(|p| p.commands.contains(command));
    Command::ALL.iter().filter(has_policy).map(|command| command.name()).collect()
}
