//! `alter table`.

use super::table::{mentioned, mentioned_by_index};
use super::{At, Failure, Reader};
use crate::migrations::catalogue::*;
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::*;

impl Reader<'_> {
    pub(super) fn alter_table(
        &mut self,
        name: &Name,
        if_exists: bool,
        actions: Vec<AlterAction>,
        at: &At<'_>,
    ) -> std::result::Result<(), Failure> {
        if ["storage", "auth", "realtime"].contains(&name.schema.as_str()) {
            return Ok(());
        }
        if self.catalogue.table(name).is_none() {
            if if_exists {
                return Ok(());
            }
            return Ok(not_understood(format!("there is no table {}.{}", name.schema, name.name))?);
        }
        for action in actions {
            if let Err(error) = self.alter(name, action) {
                let problem = format!(
                    "a change of it in {}:{} is not understood: {error}",
                    at.file, at.piece.line
                );
                if let Ok(table) = self.table_mut(name) {
                    table.problems.push(problem);
                }
                return Err(Failure(
                    error,
                    Some(format!("the table {} is not available", name.name)),
                ));
            }
        }
        Ok(())
    }

    fn alter(&mut self, name: &Name, action: AlterAction) -> Result<()> {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                self.alter_add(name, *column, if_not_exists)?;
            }
            AlterAction::AddConstraint(constraint) => self.add_constraint(name, constraint)?,
            AlterAction::AddIdentity { column, always } => {
                let sequence = format!("{}_{column}_seq", name.name);
                self.add_sequence(sequence.clone(), 1, 1);
                self.column_mut(name, &column)?.generated =
                    Some(GeneratedState::Identity { always, sequence });
            }
            AlterAction::RenameTable { to } => {
                let table = self.table_mut(name)?;
                table.name.name = to;
            }
            other => alter_alone(self.table_mut(name)?, other)?,
        }
        Ok(())
    }

    fn alter_add(&mut self, name: &Name, column: ColumnDef, if_not_exists: bool) -> Result<()> {
        let mut table = self.table_mut(name)?.clone();
        if if_not_exists && table.column(&column.name).is_some() {
            return Ok(());
        }
        let constraints = self.add_column(&mut table, column)?;
        *self.table_mut(name)? = table;
        constraints.into_iter().try_for_each(|constraint| self.add_constraint(name, constraint))
    }

    fn column_mut(&mut self, table: &Name, column: &str) -> Result<&mut ColumnState> {
        column_mut(self.table_mut(table)?, column)
    }
}

fn column_mut<'t>(table: &'t mut TableState, name: &str) -> Result<&'t mut ColumnState> {
    match table.columns.iter_mut().find(|column| column.name == name) {
        Some(column) => Ok(column),
        None => not_understood(format!("there is no column {name}")),
    }
}

/// Changes that concern the table alone.
fn alter_alone(table: &mut TableState, action: AlterAction) -> Result<()> {
    match action {
        AlterAction::DropColumn { column, if_exists } => drop_column(table, &column, if_exists)?,
        AlterAction::RenameColumn { from, to } => {
            if table.column(&to).is_some() {
                return not_understood(format!("there is a column {to} already"));
            }
            column_mut(table, &from)?.name = to;
        }
        AlterAction::RenameConstraint { from, to } => {
            match table.constraints.iter_mut().find(|constraint| constraint.name == from) {
                Some(constraint) => constraint.name = to,
                None => return not_understood(format!("there is no constraint {from}")),
            }
        }
        AlterAction::SetSchema { schema } => table.name.schema = schema,
        AlterAction::SetNotNull { column } => column_mut(table, &column)?.not_null = true,
        AlterAction::DropNotNull { column } => column_mut(table, &column)?.not_null = false,
        AlterAction::SetDefault { column, default } => {
            let names = table.names();
            column_mut(table, &column)?.default = Some(Bound { written: default, names });
        }
        AlterAction::DropDefault { column } => column_mut(table, &column)?.default = None,
        AlterAction::DropIdentity { column } => column_mut(table, &column)?.generated = None,
        AlterAction::DropExpression { column } => column_mut(table, &column)?.generated = None,
        AlterAction::SetType { column, data_type } => {
            column_mut(table, &column)?.data_type = data_type;
        }
        AlterAction::DropConstraint { name, if_exists } => {
            let before = table.constraints.len();
            table.constraints.retain(|constraint| constraint.name != name);
            if table.constraints.len() == before && !if_exists {
                return not_understood(format!("there is no constraint {name}"));
            }
        }
        AlterAction::AddConstraintUsingIndex { name, index, primary } => {
            using_index(table, name, &index, primary)?;
        }
        AlterAction::RowSecurity(on) => table.row_security = on,
        AlterAction::Trigger { enabled: false, name } => {
            table.triggers.retain(|(trigger, _)| trigger.name != name);
        }
        _ => {}
    }
    Ok(())
}

/// Constraints and indexes on a column go with it; policies stay and are then not understood.
fn drop_column(table: &mut TableState, name: &str, if_exists: bool) -> Result<()> {
    let Some(id) = table.column(name).map(|column| column.id) else {
        return if if_exists {
            Ok(())
        } else {
            not_understood(format!("there is no column {name}"))
        };
    };
    let written_as = |names: &Names| {
        names.columns.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone())
    };
    table.constraints.retain(|constraint| match &constraint.kind {
        ConstraintStateKind::PrimaryKey(columns)
        | ConstraintStateKind::Unique { columns, .. }
        | ConstraintStateKind::ForeignKey { columns, .. } => !columns.contains(&id),
        ConstraintStateKind::Check(bound) => {
            let name = written_as(&bound.names);
            !name.is_some_and(|name| mentioned(&bound.written.text, &bound.names).contains(&name))
        }
    });
    table.indexes.retain(|index| {
        let name = written_as(&index.names);
        !name.is_some_and(|name| mentioned_by_index(index).contains(&name))
    });
    table.columns.retain(|column| column.id != id);
    Ok(())
}

fn using_index(
    table: &mut TableState,
    name: Option<String>,
    index: &str,
    primary: bool,
) -> Result<()> {
    let Some(at) = table.indexes.iter().position(|known| known.name == index) else {
        return not_understood(format!("there is no index {index}"));
    };
    let state = table.indexes.remove(at);
    let columns: Vec<String> =
        state.keys.iter().map(|key| key.expr.to_string().trim_matches('"').to_owned()).collect();
    let columns = super::table::ids(&state.names, &columns)?;
    let kind = if primary {
        ConstraintStateKind::PrimaryKey(columns)
    } else {
        ConstraintStateKind::Unique { columns, nulls_not_distinct: state.nulls_not_distinct }
    };
    table
        .constraints
        .push(ConstraintState { name: name.unwrap_or_else(|| index.to_owned()), kind });
    Ok(())
}
