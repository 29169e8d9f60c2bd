//! `create table` and what `alter table` shares with it.

use std::sync::Arc;

use sqlparser::ast::Expr;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::Reader;
use crate::migrations::catalogue::*;
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::parse::fold;
use crate::migrations::statement::*;
use crate::migrations::types::serial;

impl Reader<'_> {
    pub(super) fn create_table(
        &mut self,
        name: &Name,
        if_not_exists: bool,
        columns: Vec<ColumnDef>,
        constraints: Vec<ConstraintDef>,
    ) -> Result<()> {
        if self.catalogue.table(name).is_some() {
            if if_not_exists {
                return Ok(());
            }
            return not_understood(format!("there is a table {} already", name.name));
        }
        let mut table = TableState::new(self.next_id(), name.clone());
        table.is_own = self.is_own;
        table.made = self.place.clone();
        if name.schema == "public" {
            table.privileges = self.catalogue.default_privileges.clone();
        }
        let mut all = Vec::new();
        for column in columns {
            let own = self.add_column(&mut table, column)?;
            all.extend(own);
        }
        all.extend(constraints);
        // A generated column may use columns that come after it.
        let names = table.names();
        for column in &mut table.columns {
            if let Some(GeneratedState::Stored(bound)) = &mut column.generated {
                bound.names = names.clone();
            }
        }
        // Keys refer to the table itself too.
        self.catalogue.tables.push(table);
        // As PostgreSQL names them: checks first, foreign keys last.
        let rank = |constraint: &ConstraintDef| match constraint.kind {
            ConstraintKind::Check(_) => 0,
            ConstraintKind::PrimaryKey(_) => 1,
            ConstraintKind::ForeignKey { .. } => 3,
            _ => 2,
        };
        all.sort_by_key(rank);
        for constraint in all {
            self.add_constraint(name, constraint)?;
        }
        Ok(())
    }

    /// Adds a column; its constraints are still to be added.
    pub(super) fn add_column(
        &mut self,
        table: &mut TableState,
        column: ColumnDef,
    ) -> Result<Vec<ConstraintDef>> {
        if table.column(&column.name).is_some() {
            return not_understood(format!("there is a column {} already", column.name));
        }
        let id = self.next_id();
        let ColumnDef { name, mut data_type, not_null, default, generated, constraints } = column;
        let sequence = || format!("{}_{name}_seq", table.name.name);
        let mut state = None;
        if let Some(integer) = serial(&data_type) {
            data_type = integer;
            state = Some(GeneratedState::Serial { sequence: sequence() });
            self.add_sequence(sequence(), 1, 1);
        }
        let mut pending = None;
        match generated {
            Some(GeneratedDef::Identity { always, start, increment }) => {
                state = Some(GeneratedState::Identity { always, sequence: sequence() });
                self.add_sequence(sequence(), start, increment);
            }
            Some(GeneratedDef::Stored(written)) => pending = Some(written),
            None => {}
        }
        table.columns.push(ColumnState {
            id,
            name,
            data_type,
            not_null,
            default: None,
            generated: state,
            comment: None,
        });
        let names = table.names();
        let bind = |written| Bound { written, names: names.clone() };
        let generated = pending.map(|written| GeneratedState::Stored(bind(written)));
        if let Some(column) = table.columns.last_mut() {
            column.default = default.map(bind);
            column.generated = column.generated.take().or(generated);
        }
        Ok(constraints)
    }

    pub(super) fn add_sequence(&mut self, name: String, start: i64, increment: i64) {
        self.catalogue.sequences.retain(|known| known.name != name);
        self.catalogue.sequences.push(SequenceState { name, start, increment });
    }

    pub(super) fn add_constraint(&mut self, name: &Name, constraint: ConstraintDef) -> Result<()> {
        let table = self.table_mut(name)?;
        let taken: Vec<_> = table.constraints.iter().map(|known| known.name.clone()).collect();
        let given = constraint.name;
        let own = table.name.name.clone();
        let names = table.names();
        let (base, kind) = match constraint.kind {
            ConstraintKind::PrimaryKey(columns) => {
                let kind = ConstraintStateKind::PrimaryKey(ids(&names, &columns)?);
                (format!("{own}_pkey"), kind)
            }
            ConstraintKind::Unique { columns, nulls_not_distinct } => {
                let ids = ids(&names, &columns)?;
                let kind = ConstraintStateKind::Unique { columns: ids, nulls_not_distinct };
                (format!("{own}_{}_key", columns.join("_")), kind)
            }
            ConstraintKind::Check(written) => {
                let used = mentioned(&written.text, &names);
                let base = match &used[..] {
                    [only] => format!("{own}_{only}_check"),
                    _ => format!("{own}_check"),
                };
                (base, ConstraintStateKind::Check(Bound { written, names }))
            }
            ConstraintKind::ForeignKey {
                columns,
                table: target,
                foreign,
                on_delete,
                on_update,
            } => {
                let base = format!("{own}_{}_fkey", columns.join("_"));
                let columns = ids(&names, &columns)?;
                let target = self.target(&target, &foreign)?;
                (base, ConstraintStateKind::ForeignKey { columns, target, on_delete, on_update })
            }
        };
        let name_of = given.unwrap_or_else(|| unused(&base, &taken));
        if taken.contains(&name_of) {
            return not_understood(format!("there is a constraint {name_of} already"));
        }
        let table = self.table_mut(name)?;
        table.constraints.push(ConstraintState { name: name_of, kind });
        Ok(())
    }

    /// What a foreign key refers to: the primary key where it does not say.
    fn target(&self, name: &Name, columns: &[String]) -> Result<Target> {
        if name.schema == "auth" && name.name == "users" {
            return match columns {
                [] => Ok(Target::Users),
                [id] if id == "id" => Ok(Target::Users),
                _ => not_understood("only the id of auth.users can be referred to"),
            };
        }
        let Some(table) = self.catalogue.table(name) else {
            return not_understood(format!("there is no table {}.{}", name.schema, name.name));
        };
        let columns = match columns {
            [] => match table.primary_key() {
                Some(key) => key.to_vec(),
                None => return not_understood(format!("{} has no primary key", name.name)),
            },
            columns => ids(&table.names(), columns)?,
        };
        Ok(Target::Table { table: table.id, columns })
    }

    pub(super) fn drop_table(&mut self, id: Id) {
        self.catalogue.tables.retain(|table| table.id != id);
        for table in &mut self.catalogue.tables {
            table.constraints.retain(|constraint| !matches!(&constraint.kind,
                ConstraintStateKind::ForeignKey { target: Target::Table { table, .. }, .. } if *table == id));
        }
    }
}

/// The ids of columns.
pub(super) fn ids(names: &Arc<Names>, columns: &[String]) -> Result<Vec<Id>> {
    let id = |column: &String| {
        let found = names.columns.iter().find(|(name, _)| name == column);
        match found {
            Some((_, id)) => Ok(*id),
            None => not_understood(format!("there is no column {column}")),
        }
    };
    columns.iter().map(id).collect()
}

/// The columns that an expression names, once each, in their order.
pub(super) fn mentioned(text: &str, names: &Names) -> Vec<String> {
    let dialect = sqlparser::dialect::PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize().unwrap_or_default();
    let words: Vec<String> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(fold(&word.value, word.quote_style)),
            _ => None,
        })
        .collect();
    let columns = names.columns.iter().map(|(name, _)| name);
    columns.filter(|name| words.contains(name)).cloned().collect()
}

/// The columns that an index names.
pub(super) fn mentioned_by_index(index: &IndexState) -> Vec<String> {
    let mut text: Vec<String> = index.keys.iter().map(|key| key.expr.to_string()).collect();
    text.extend(index.predicate.iter().map(|bound| bound.written.text.clone()));
    text.extend(index.include.iter().map(|name| format!("\"{name}\"")));
    mentioned(&text.join(" "), &index.names)
}

/// A name that nothing has: PostgreSQL adds numbers.
pub fn unused(base: &str, taken: &[String]) -> String {
    let numbered = (1..).map(|number| format!("{base}{number}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// `nextval('name')`
pub fn sequence_of(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("nextval") {
        return None;
    }
    let text = function.args.to_string();
    let start = text.find('\'')? + 1;
    let end = start + text[start..].find('\'')?;
    let name = text[start..end].rsplit('.').next()?;
    Some(name.trim_matches('"').to_owned())
}
