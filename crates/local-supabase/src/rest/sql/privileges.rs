//! The columns that a query reads, and whether the caller may read them.
//!
//! PostgreSQL checks privileges when it has understood a statement: a column that does not exist is
//! reported before one that may not be read.

use std::collections::BTreeSet;

use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::{Condition, Embed, FilterOperation, Is, SelectItem};
use crate::rest::session::Session;
use crate::schema::{Granted, Table};

/// Refuses to read these columns of a table if one of them is not granted.
pub fn require_select<'a>(
    session: Session,
    table: &'static Table,
    columns: impl IntoIterator<Item = &'a str>,
) -> Result<(), RestError> {
    let granted = table.granted(session.role).select;
    if granted != Granted::Nothing && granted.covers(columns) {
        return Ok(());
    }
    Err(RestError::permission_denied("table", table.name))
}

impl Relation<'_> {
    /// Refuses to read what is not granted, in embedded relations too. `also` are columns that are read
    /// besides.
    pub(super) fn check_privileges(&self, also: &[&'static str]) -> Result<(), RestError> {
        let mut columns = BTreeSet::new();
        for item in &self.node.select {
            match item {
                SelectItem::Star => columns.extend(self.table.stored_columns().map(|c| c.name)),
                SelectItem::Field(field) => self.add(&mut columns, &field.field.name),
                SelectItem::Embed(_) | SelectItem::Aggregate => {}
            }
        }
        for condition in &self.node.conditions {
            self.add_filtered(&mut columns, condition);
        }
        for term in self.node.order.iter().filter(|term| term.relation.is_none()) {
            self.add(&mut columns, &term.field.name);
        }
        for embed in self.node.embeds() {
            let embedded = self.embedded(embed)?;
            columns.extend(embedded.relationship().columns.iter().map(|(own, _)| *own));
        }
        columns.extend(also);
        require_select(self.session, self.table, columns)?;
        self.node.embeds().try_for_each(|embed| self.check_embedded(embed))
    }

    fn check_embedded(&self, embed: &Embed) -> Result<(), RestError> {
        let embedded = self.embedded(embed)?;
        let relationship = embedded.relationship();
        let ordered = self.node.order.iter();
        let ordered = ordered.filter(|term| term.relation.as_deref() == Some(embed.name()));
        let mut read: Vec<_> = ordered
            .filter_map(|term| Some(relationship.table.column(&term.field.name)?.name))
            .collect();
        match &relationship.junction {
            None => read.extend(relationship.columns.iter().map(|(_, other)| *other)),
            Some(junction) => {
                read.extend(junction.columns.iter().map(|(own, _)| *own));
                let to_own = junction.columns.iter().map(|(_, column)| *column);
                let to_parent = relationship.columns.iter().map(|(_, column)| *column);
                require_select(self.session, junction.table, to_own.chain(to_parent))?;
            }
        }
        embedded.relation().check_privileges(&read)
    }

    /// A computed column, and `count`, take the whole row.
    fn add<'b>(&self, columns: &mut BTreeSet<&'b str>, name: &'b str) {
        match self.table.column(name) {
            Some(column) if column.computed.is_none() => {
                columns.insert(column.name);
            }
            _ => columns.extend(self.table.stored_columns().map(|column| column.name)),
        }
    }

    fn add_filtered<'b>(&self, columns: &mut BTreeSet<&'b str>, condition: &'b Condition) {
        match condition {
            Condition::Logic { conditions, .. } => {
                conditions.iter().for_each(|condition| self.add_filtered(columns, condition));
            }
            Condition::Filter(filter) => {
                let name = filter.field.name.as_str();
                let is_null = filter.operation == FilterOperation::Is(Is::Null);
                if !is_null || self.node.embeds().all(|embed| embed.name() != name) {
                    self.add(columns, name);
                }
            }
        }
    }
}
