//! The schema of names without one.

use crate::migrations::statement::{GrantDef, Name, Statement, TablesDef};

/// Where tables are made that have no schema in their name, if it is not `public`.
#[derive(Debug, Default)]
pub struct SearchPath(Option<String>);

impl SearchPath {
    /// Follows `set search_path` and `set_config('search_path', …)`.
    pub fn set(&mut self, text: &str) {
        let lower = text.to_lowercase();
        let is_setting = ["set", "reset", "select"].iter().any(|word| lower.starts_with(word));
        let Some((_, rest)) = lower.split_once("search_path").filter(|_| is_setting) else {
            return;
        };
        let separators = |c: char| c.is_whitespace() || "='\",()".contains(c);
        let mut names = rest.split(separators).filter(|word| !word.is_empty() && *word != "to");
        let first = names.find(|word| *word != "$user");
        self.0 = first
            .filter(|_| !lower.starts_with("reset"))
            .filter(|name| !["public", "default", "true", "false"].contains(name))
            .map(str::to_owned);
    }

    /// Gives the tables that a statement is about the schema that they are in.
    pub fn apply(&self, statement: &mut Statement, text: &str) {
        let Some(schema) = &self.0 else { return };
        if text.to_lowercase().contains("public.") {
            return;
        }
        for name in tables(statement).into_iter().filter(|name| name.schema == "public") {
            name.schema.clone_from(schema);
        }
    }
}

/// The tables that a statement makes, changes or protects.
fn tables(statement: &mut Statement) -> Vec<&mut Name> {
    match statement {
        Statement::CreateTable { table, .. }
        | Statement::AlterTable { table, .. }
        | Statement::DropPolicy { table, .. }
        | Statement::CommentTable { table, .. }
        | Statement::DropTrigger { table, .. } => vec![table],
        Statement::CreateIndex(index) => vec![&mut index.table],
        Statement::CreatePolicy(policy) | Statement::AlterPolicy { policy, .. } => {
            vec![&mut policy.table]
        }
        Statement::CreateTrigger(trigger) => vec![&mut trigger.table],
        Statement::Grant(GrantDef { tables: TablesDef::Named(names), .. }) => {
            names.iter_mut().collect()
        }
        Statement::DropTable { tables, .. } => tables.iter_mut().collect(),
        _ => Vec::new(),
    }
}
