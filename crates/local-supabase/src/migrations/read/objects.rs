//! Types, functions, triggers, indexes and comments.

use super::{At, Failure, Reader};
use crate::migrations::catalogue::{Bound, DomainState, FunctionState, IndexState, SequenceState};
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::*;

impl Reader<'_> {
    pub(super) fn apply(
        &mut self,
        statement: Statement,
        at: &At<'_>,
    ) -> std::result::Result<(), Failure> {
        match statement {
            Statement::Ignored => self.called(at),
            Statement::Data(_) => Ok(()),
            Statement::GrantFunctions { functions, roles, granted } => {
                self.grant_functions(&functions, &roles, granted);
                Ok(())
            }
            Statement::GrantSchemas { schemas, roles, granted } => {
                self.grant_schemas(&schemas, &roles, granted);
                Ok(())
            }
            Statement::DefaultExecutors { schema, roles, granted } => {
                self.default_executors(schema.as_deref(), &roles, granted);
                Ok(())
            }
            Statement::Block => self.block(at),
            Statement::EventTrigger => {
                self.catalogue.has_event_trigger = true;
                Err(Failure(
                    "event triggers do not run".into(),
                    Some(
                        "tables whose row-level security it may have turned on are not available"
                            .to_owned(),
                    ),
                ))
            }
            Statement::CreateTable { table, if_not_exists, columns, constraints } => {
                if !self.is_own && self.catalogue.table(&table).is_some_and(|known| known.is_own) {
                    self.taken.push(table.clone());
                    return Err(Failure(
                        format!("the project itself has a table {}", table.name).as_str().into(),
                        Some("yours is not made, and what else your migrations say of it is left out".to_owned()),
                    ));
                }
                Ok(self.create_table(&table, if_not_exists, columns, constraints)?)
            }
            Statement::AlterTable { table, if_exists, actions } => {
                self.alter_table(&table, if_exists, actions, at)
            }
            Statement::DropTable { tables, if_exists } => {
                for name in tables {
                    let known = self.catalogue.table(&name).map(|table| table.id);
                    match known {
                        Some(id) => self.drop_table(id),
                        None if if_exists => {}
                        None => {
                            return Ok(not_understood(format!("there is no table {}", name.name))?);
                        }
                    }
                }
                Ok(())
            }
            Statement::CreateIndex(index) => self.create_index(index),
            Statement::DropIndex { indexes } => {
                for name in indexes {
                    for table in self.tables_of(&name.schema) {
                        table.indexes.retain(|index| index.name != name.name);
                    }
                }
                Ok(())
            }
            Statement::RenameIndex { index: name, to } => {
                for table in self.tables_of(&name.schema) {
                    let indexes = table.indexes.iter_mut().filter(|index| index.name == name.name);
                    indexes.for_each(|index| index.name.clone_from(&to));
                    let constraints = table.constraints.iter_mut().filter(|c| c.name == name.name);
                    constraints.for_each(|constraint| constraint.name.clone_from(&to));
                }
                Ok(())
            }
            Statement::CreatePolicy(policy) => self.create_policy(policy, at),
            Statement::AlterPolicy { policy, rename } => Ok(self.alter_policy(policy, rename)?),
            Statement::DropPolicy { name, table, if_exists } => {
                Ok(self.drop_policy(&name, &table, if_exists)?)
            }
            Statement::Grant(grant) => Ok(self.grant(&grant)?),
            Statement::DefaultPrivileges { schema, privileges, roles, granted } => {
                self.default_privileges(schema.as_deref(), &privileges, &roles, granted);
                Ok(())
            }
            Statement::CommentTable { table, column, text } => {
                self.comment(&table, column.as_deref(), text);
                Ok(())
            }
            Statement::CreateFunction(function) => {
                self.create_function(function, at);
                Ok(())
            }
            Statement::DropFunction { names } => {
                self.catalogue.functions.retain(|function| !names.contains(&function.def.name));
                Ok(())
            }
            Statement::CreateTrigger(trigger) => self.create_trigger(trigger, at),
            Statement::DropTrigger { name, table } => {
                if let Ok(table) = self.table_mut(&table) {
                    table.triggers.retain(|(trigger, _)| trigger.name != name);
                } else {
                    self.catalogue.user_triggers.retain(|(trigger, _)| trigger.name != name);
                }
                Ok(())
            }
            Statement::CreateSequence { name, start, increment, if_not_exists } => {
                let is_known = self.catalogue.sequences.iter().any(|known| known.name == name.name);
                if !(is_known && if_not_exists) {
                    self.catalogue.sequences.push(SequenceState {
                        name: name.name,
                        start,
                        increment,
                    });
                }
                Ok(())
            }
            Statement::CreateView { name } => Err(Failure(
                "views are not implemented".into(),
                Some(format!("the view {} is not available", name.name)),
            )),
            other => Ok(self.apply_type(other)?),
        }
    }

    /// A `select` may call a function that changes tables.
    fn called(&mut self, at: &At<'_>) -> std::result::Result<(), Failure> {
        let text = at.piece.text.to_lowercase();
        if !text.starts_with("select") || self.is_own {
            return Ok(());
        }
        let called = self.catalogue.functions.iter().filter(|function| {
            function.def.language == "plpgsql" && text.contains(&function.def.name.name)
        });
        let bodies: Vec<String> = called.map(|function| function.def.text.clone()).collect();
        let mut closes = false;
        for body in &bodies {
            closes |= self.close_what_may_be_closed(body, at, "a function that is called");
        }
        if !closes {
            return Ok(());
        }
        let consequence = "the tables that it may protect are not available";
        Err(Failure("functions of migrations are not called".into(), Some(consequence.to_owned())))
    }

    fn apply_type(&mut self, statement: Statement) -> Result<()> {
        match statement {
            Statement::CreateEnum { name, labels } => {
                if self.catalogue.labels(&name).is_some() {
                    return not_understood(format!("there is a type {} already", name.name));
                }
                self.catalogue.enums.push((name, labels));
            }
            Statement::AddLabel { name, label, before, after, if_not_exists } => {
                let labels = self.labels_mut(&name)?;
                if labels.contains(&label) {
                    return if if_not_exists {
                        Ok(())
                    } else {
                        not_understood("the label is there already")
                    };
                }
                let place = |near: &String| labels.iter().position(|known| known == near);
                let at = match (before, after) {
                    (Some(near), _) => place(&near),
                    (None, Some(near)) => place(&near).map(|at| at + 1),
                    (None, None) => Some(labels.len()),
                };
                match at {
                    Some(at) => labels.insert(at, label),
                    None => return not_understood("the label beside it is not known"),
                }
            }
            Statement::RenameLabel { name, from, to } => {
                let labels = self.labels_mut(&name)?;
                match labels.iter_mut().find(|label| **label == from) {
                    Some(label) => *label = to,
                    None => return not_understood("the label is not known"),
                }
            }
            Statement::CreateDomain { name, data_type, not_null, default, checks } => {
                let named = |(index, (label, expr)): (usize, (Option<String>, _))| {
                    let number = if index == 0 { String::new() } else { index.to_string() };
                    (label.unwrap_or_else(|| format!("{}_check{number}", name.name)), expr)
                };
                let checks = checks.into_iter().enumerate().map(named).collect();
                let domain =
                    DomainState { name: name.clone(), data_type, not_null, default, checks };
                self.catalogue.domains.push(domain);
            }
            Statement::DropType { names } => {
                self.catalogue.enums.retain(|(name, _)| !names.contains(name));
                self.catalogue.domains.retain(|domain| !names.contains(&domain.name));
            }
            _ => {}
        }
        Ok(())
    }

    fn labels_mut(&mut self, name: &Name) -> Result<&mut Vec<String>> {
        let found = self.catalogue.enums.iter_mut().find(|(known, _)| known == name);
        match found {
            Some((_, labels)) => Ok(labels),
            None => not_understood(format!("there is no type {}", name.name)),
        }
    }

    fn tables_of<'s>(
        &'s mut self,
        schema: &'s str,
    ) -> impl Iterator<Item = &'s mut crate::migrations::catalogue::TableState> {
        self.catalogue.tables.iter_mut().filter(move |table| table.name.schema == schema)
    }

    fn create_index(&mut self, index: IndexDef) -> std::result::Result<(), Failure> {
        let IndexDef {
            name,
            table,
            unique,
            if_not_exists,
            is_btree,
            keys,
            include,
            nulls_not_distinct,
            predicate,
        } = index;
        // It only makes searches faster.
        if !is_btree {
            return Ok(());
        }
        let state = match self.table_mut(&table) {
            Ok(state) => state,
            Err(error) => return Err(Failure(error, None)),
        };
        let taken: Vec<_> = state.indexes.iter().map(|index| index.name.clone()).collect();
        let name = name.unwrap_or_else(|| index_name(&table.name, &keys, &taken));
        if taken.contains(&name) {
            if if_not_exists {
                return Ok(());
            }
            return Err(Failure(format!("there is an index {name} already").as_str().into(), None));
        }
        let names = state.names();
        let bind = |written| Bound { written, names: names.clone() };
        let predicate = predicate.map(bind);
        state.indexes.push(IndexState {
            name,
            unique,
            keys,
            include,
            names,
            nulls_not_distinct,
            predicate,
        });
        Ok(())
    }

    fn comment(&mut self, name: &Name, column: Option<&str>, text: Option<String>) {
        let Ok(table) = self.table_mut(name) else { return };
        match column {
            None => table.comment = text,
            Some(column) => {
                let found = table.columns.iter_mut().find(|known| known.name == column);
                found.into_iter().for_each(|column| column.comment.clone_from(&text));
            }
        }
    }

    fn create_function(&mut self, function: FunctionDef, at: &At<'_>) {
        let registration = self
            .registrations
            .iter()
            .find(|known| known.stands_for(at.file, at.piece.text))
            .copied();
        let state = FunctionState {
            registration,
            executors: self.catalogue.executors_of_new(&function.name),
            file: at.file.to_owned(),
            line: at.piece.line,
            head: at.head(),
            def: function,
        };
        let types = |function: &FunctionDef| -> Vec<String> {
            function.parameters.iter().map(|p| p.data_type.to_string().to_lowercase()).collect()
        };
        let same = |known: &FunctionState| {
            known.def.name == state.def.name && types(&known.def) == types(&state.def)
        };
        match self.catalogue.functions.iter_mut().find(|known| same(known)) {
            // Who may execute it stays when it is replaced.
            Some(known) => {
                let executors = std::mem::take(&mut known.executors);
                *known = FunctionState { executors, ..state };
            }
            None => self.catalogue.functions.push(state),
        }
    }

    fn create_trigger(
        &mut self,
        trigger: TriggerDef,
        at: &At<'_>,
    ) -> std::result::Result<(), Failure> {
        let place = (at.file.to_owned(), at.piece.line, at.head());
        if trigger.table.schema == "auth" {
            let known = &mut self.catalogue.user_triggers;
            known.retain(|(other, _)| other.name != trigger.name);
            known.push((trigger, place));
            return Ok(());
        }
        let table = self.table_mut(&trigger.table.clone())?;
        table.triggers.retain(|(other, _)| other.name != trigger.name);
        table.triggers.push((trigger, place));
        Ok(())
    }
}

/// As PostgreSQL names an index that has no name.
fn index_name(table: &str, keys: &[IndexKey], taken: &[String]) -> String {
    use sqlparser::ast::Expr;
    let columns = keys.iter().map(|key| match &key.expr {
        Expr::Identifier(ident) => ident.value.to_lowercase(),
        Expr::Function(function) => function.name.to_string().to_lowercase(),
        _ => "expr".to_owned(),
    });
    let base = format!("{table}_{}_idx", columns.collect::<Vec<_>>().join("_"));
    super::table::unused(&base, taken)
}
