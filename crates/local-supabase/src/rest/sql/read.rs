//! Selects.

use super::builder::Sql;
use super::field::{Item, json_row};
use super::relation::{MAX_ROWS, Relation};
use super::visible_rows::{Operation, RowSet, visible_rows_within};
use crate::rest::error::RestError;
use crate::rest::query::Node;
use crate::rest::session::Session;
use crate::schema::Table;

/// What a select returns for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// One JSON object.
    Json,
    /// Each column as PostgreSQL prints it.
    Text,
    /// Null, to count rows.
    Bare,
}

/// A statement and the names of what it returns.
pub struct Select {
    pub sql: Sql,
    pub columns: Vec<String>,
}

/// The page of a result.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub offset: u64,
    pub limit: Option<u64>,
}

impl Page {
    /// Every row, which is what a write returns.
    pub const ALL: Self = Self { offset: 0, limit: None };

    /// A page of a read.
    pub fn limited(offset: u64, limit: Option<u64>) -> Self {
        Self { offset, limit: Some(limit.unwrap_or(MAX_ROWS).min(MAX_ROWS)) }
    }

    pub(super) fn to_sql(self) -> Sql {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let limit = self.limit.map_or(-1, signed);
        Sql::new(" limit ").bind(limit).push(" offset ").bind(signed(self.offset))
    }
}

/// The rows that a query asks for.
pub fn rows(
    session: Session,
    table: &'static Table,
    node: &Node,
    row_set: RowSet<'_>,
    page: Page,
    format: RowFormat,
) -> Result<Select, RestError> {
    let relation = Relation::root(session, table, node);
    // PostgREST has a write return the key, too.
    let also = if matches!(row_set, RowSet::Rows(_)) { table.primary_key() } else { &[] };
    let items = relation.items()?;
    let columns = items.iter().map(|item| item.name.clone()).collect();
    let result = match format {
        RowFormat::Bare if !relation.counts_rows() => Sql::new("null"),
        RowFormat::Text if items.is_empty() => Sql::new("null"),
        RowFormat::Json | RowFormat::Bare => json_row(items),
        RowFormat::Text => Sql::join(", ", items.into_iter().map(Item::into_text)),
    };
    let filter = relation.filter(None)?;
    // What is not understood is refused before what is not granted.
    relation.order()?;
    relation.check_privileges(also)?;
    let found = relation.from(Operation::Read, row_set)?.append(filter);
    let found = if relation.counts_rows() { found } else { relation.page(found, page)? };
    let sql = Sql::new("select ").append(result).append(found).check_size()?;
    Ok(Select { sql, columns })
}

/// How many rows there are on all pages together.
pub fn count(
    session: Session,
    table: &'static Table,
    node: &Node,
    row_set: RowSet<'_>,
) -> Result<Sql, RestError> {
    let relation = Relation::root(session, table, node);
    let filter = relation.filter(None)?;
    Sql::new("select count(*)")
        .append(relation.from(Operation::Read, row_set)?)
        .append(filter)
        .check_size()
}

/// The row ids that an update or delete is about.
pub fn targets(
    session: Session,
    table: &'static Table,
    node: &Node,
    operation: Operation,
) -> Result<Sql, RestError> {
    let relation = Relation::root(session, table, node);
    let filter = relation.filter(None)?;
    relation.check_privileges(&[])?;
    Sql::new("select ctid")
        .append(relation.from(operation, RowSet::All)?)
        .append(filter)
        .push(" order by ctid")
        .check_size()
}

impl Relation<'_> {
    /// ` from (…) as "chats"`
    pub(super) fn from(&self, operation: Operation, row_set: RowSet<'_>) -> Result<Sql, RestError> {
        let rows = visible_rows_within(self.session, self.table, operation, row_set, &[])?;
        Ok(Sql::new(" from ").append(rows).push(" as ").alias(self.alias))
    }

    /// ` from (…) as "chats" order by …`: the rows of one page. They are selected before their values are
    /// computed, so that rows of other pages cost only the sorting.
    pub(super) fn page(&self, found: Sql, page: Page) -> Result<Sql, RestError> {
        let order = self.order()?;
        Ok(Sql::new(" from (select ")
            .alias(self.alias)
            .push(".*")
            .append(found)
            .append(order.clone())
            .append(page.to_sql())
            .push(") as ")
            .alias(self.alias)
            .append(order))
    }

    /// Whether only the number of rows is selected.
    pub(super) fn counts_rows(&self) -> bool {
        let asked = self.node.select.iter().any(|item| self.is_count(item));
        asked && self.node.select.len() == 1
    }
}
