//! Embedded relations, as correlated subqueries.

use super::builder::{Alias, Sql};
use super::field::{Item, Operand, json_row};
use super::read::Page;
use super::relation::Relation;
use super::visible_rows::{Operation, RowSet, visible_rows_within};
use crate::rest::error::RestError;
use crate::rest::query::{Embed, Node, SelectItem};
use crate::schema::{Junction, PgType, Relationship};

/// An embedded relation and its relationship to the parent.
pub(super) struct Embedded<'a> {
    relation: Relation<'a>,
    relationship: Relationship,
    parent: Alias,
}

impl<'a> Relation<'a> {
    pub(super) fn embedded(&self, embed: &'a Embed) -> Result<Embedded<'a>, RestError> {
        let schema = self.session.schema;
        let hint = embed.hint.as_deref();
        let relationship = schema.find_relationship(self.table, &embed.relation, hint)?;
        let table = relationship.table;
        let alias = Alias { table: table.name, depth: self.alias.depth + 1 };
        let relation = Relation { session: self.session, table, alias, node: &embed.node };
        Ok(Embedded { relation, relationship, parent: self.alias })
    }

    /// One member with the embedded rows, or theirs instead when they are spread.
    pub(super) fn embed_items(&self, embed: &'a Embed) -> Result<Vec<Item>, RestError> {
        let embedded = self.embedded(embed)?;
        if embed.spread {
            return embedded.spread();
        }
        if is_empty(&embed.node) {
            return Ok(Vec::new());
        }
        let value = embedded.value(json_row(embedded.relation.items()?))?;
        Ok(vec![Item { name: embed.name().to_owned(), value }])
    }
}

/// An embed without columns, at any depth, only filters.
fn is_empty(node: &Node) -> bool {
    node.select.iter().all(|item| matches!(item, SelectItem::Embed(e) if is_empty(&e.node)))
}

impl Embedded<'_> {
    /// Whether there is a row that meets the embed's conditions.
    pub(super) fn exists(&self) -> Result<Sql, RestError> {
        Ok(Sql::new("exists (select 1").append(self.matching()?).push(")"))
    }

    /// The value of one column of the only row, to order the parents by.
    pub(super) fn only(&self, value: Sql) -> Result<Sql, RestError> {
        Ok(Sql::new("(select ").append(value).append(self.matching()?).push(" limit 1)"))
    }

    pub(super) fn relationship(&self) -> &Relationship {
        &self.relationship
    }

    pub(super) fn relation(&self) -> &Relation<'_> {
        &self.relation
    }

    pub(super) fn is_to_one(&self) -> bool {
        self.relationship.to_one
    }

    /// `json` of the only row, or of each row in an array.
    fn value(&self, json: Sql) -> Result<Operand, RestError> {
        let sql = if self.is_to_one() { self.only(json)? } else { self.array(json)? };
        Ok(Operand { sql, pg_type: PgType::Jsonb, nullable: true })
    }

    fn array(&self, json: Sql) -> Result<Sql, RestError> {
        let node = self.relation.node;
        let found = self.matching()?;
        let found = if self.relation.counts_rows() {
            found
        } else {
            self.relation.page(found, Page::limited(node.offset, node.limit))?
        };
        Ok(Sql::new("(select json_rows(value) from (select json_quote(")
            .append(json)
            .push(") as value")
            .append(found)
            .push("))"))
    }

    fn spread(&self) -> Result<Vec<Item>, RestError> {
        let items = self.relation.items()?;
        self.matching()?.check_repeated(items.len())?;
        let items = items.into_iter().map(|Item { name, value }| {
            let value = if self.is_to_one() {
                Operand { sql: self.only(value.sql)?, nullable: true, pg_type: value.pg_type }
            } else {
                self.value(value.into_json())?
            };
            Ok(Item { name, value })
        });
        items.collect()
    }

    /// ` from … where …`: its rows that belong to a row of the parent.
    pub(super) fn matching(&self) -> Result<Sql, RestError> {
        let filter = self.relation.filter(Some(self.join()))?;
        let mut from = self.relation.from(Operation::Read, RowSet::All)?;
        if let Some((junction, alias)) = self.junction() {
            let session = self.relation.session;
            let table = junction.table;
            let rows = visible_rows_within(session, table, Operation::Read, RowSet::All, &[])?;
            from = from.push(", ").append(rows).push(" as ").alias(alias);
        }
        Ok(from.append(filter))
    }

    /// The table between the two, and its name.
    fn junction(&self) -> Option<(&Junction, Alias)> {
        let junction = self.relationship.junction.as_ref()?;
        let depth = self.relation.alias.depth;
        Some((junction, Alias { table: junction.table.name, depth }))
    }

    fn join(&self) -> Sql {
        let own = self.relation.alias;
        let equal = |left: Alias, column: &'static str, right: Alias, other: &'static str| {
            Sql::default().column(left, column).push(" = ").column(right, other)
        };
        let parent = self.relationship.columns.iter();
        let Some((junction, between)) = self.junction() else {
            return Sql::join(" and ", parent.map(|(a, b)| equal(own, b, self.parent, a)));
        };
        let to_parent = parent.map(|(a, b)| equal(between, b, self.parent, a));
        let to_own = junction.columns.iter().map(|(a, b)| equal(between, b, own, a));
        Sql::join(" and ", to_own.chain(to_parent))
    }
}
