//! Columns, places inside jsonb, casts, and how each type becomes JSON or text.

use super::builder::Sql;
use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::{Field, SelectField, SelectItem, Step};
use crate::rest::suggest;
use crate::schema::PgType;

/// SQLite takes 1000 arguments to a function: a name and a value for each column.
pub(super) const MAX_COLUMNS: usize = 500;

/// A member of a row.
pub(super) struct Item {
    pub name: String,
    pub value: Operand,
}

/// A value of a known type.
#[derive(Clone)]
pub(super) struct Operand {
    pub sql: Sql,
    pub pg_type: PgType,
    pub nullable: bool,
}

/// `json_row(name, value, …)`
pub(super) fn json_row(items: Vec<Item>) -> Sql {
    let members = items
        .into_iter()
        .map(|item| Sql::bound(item.name).push(", ").append(item.value.into_json()));
    Sql::call("json_row", Sql::join(", ", members))
}

impl Item {
    pub fn into_text(self) -> Sql {
        Sql::call("sized", self.value.into_text())
    }
}

impl Operand {
    /// As `json_row` and `json_quote` take it.
    pub fn into_json(self) -> Sql {
        match self.pg_type {
            PgType::Uuid | PgType::Integer | PgType::Bigint => self.sql,
            PgType::Text => Sql::call("json_text", self.sql),
            PgType::Jsonb => Sql::call("as_json", self.sql),
            PgType::Boolean => self.choose("json('true')", "json('false')"),
            PgType::Numeric => Sql::call("as_json", Sql::call("numeric_text", self.sql)),
            PgType::Timestamptz => Sql::call("timestamptz_json", self.sql),
        }
    }

    /// As PostgreSQL prints it in a row.
    fn into_text(self) -> Sql {
        match self.pg_type {
            PgType::Boolean => self.choose("'t'", "'f'"),
            _ => self.cast_to_text(),
        }
    }

    /// `::text`
    fn cast_to_text(self) -> Sql {
        match self.pg_type {
            PgType::Text | PgType::Uuid | PgType::Jsonb => self.sql,
            PgType::Boolean => self.choose("'true'", "'false'"),
            PgType::Integer | PgType::Bigint => Sql::call("cast", self.sql.push(" as text")),
            PgType::Numeric => Sql::call("numeric_text", self.sql),
            PgType::Timestamptz => Sql::call("timestamptz_text", self.sql),
        }
    }

    fn choose(self, yes: &'static str, no: &'static str) -> Sql {
        Sql::new("case ")
            .append(self.sql)
            .push(" when 1 then ")
            .push(yes)
            .push(" when 0 then ")
            .push(no)
            .push(" end")
    }

    fn cast(self, target: &str) -> Result<Self, RestError> {
        match (target, self.pg_type) {
            ("text" | "varchar", _) => Ok(Self {
                nullable: self.nullable,
                pg_type: PgType::Text,
                sql: self.cast_to_text(),
            }),
            ("json", PgType::Jsonb) => Ok(self),
            (name, own) if name == own.name() || is_short_name(name, own) => Ok(self),
            (name, own) => Err(RestError::not_implemented(format!(
                "Casting {} to {name} is not implemented; text is.",
                own.name()
            ))),
        }
    }
}

fn is_short_name(name: &str, pg_type: PgType) -> bool {
    match pg_type {
        PgType::Boolean => name == "bool",
        PgType::Integer => matches!(name, "int" | "int4"),
        PgType::Bigint => name == "int8",
        PgType::Numeric => name == "decimal",
        PgType::Timestamptz => name == "timestamptz",
        PgType::Text | PgType::Uuid | PgType::Jsonb => false,
    }
}

impl Relation<'_> {
    /// What the select asks for, with `*` spelled out.
    pub(super) fn items(&self) -> Result<Vec<Item>, RestError> {
        let mut items = Vec::new();
        for item in &self.node.select {
            match item {
                SelectItem::Star => items.extend(self.stored_columns()),
                SelectItem::Field(_) if self.is_count(item) => items.push(self.count_item()?),
                SelectItem::Field(field) => items.push(self.field_item(field)?),
                SelectItem::Embed(embed) => items.extend(self.embed_items(embed)?),
                SelectItem::Aggregate => return Err(RestError::aggregates_not_allowed()),
            }
            if items.len() > MAX_COLUMNS {
                return Err(RestError::too_many_columns(MAX_COLUMNS));
            }
        }
        Ok(items)
    }

    fn stored_columns(&self) -> impl Iterator<Item = Item> {
        let alias = self.alias;
        self.table.stored_columns().map(move |column| Item {
            name: column.name.to_owned(),
            value: Operand {
                sql: Sql::default().column(alias, column.name),
                pg_type: column.pg_type,
                nullable: column.nullable,
            },
        })
    }

    fn field_item(&self, field: &SelectField) -> Result<Item, RestError> {
        let value = self.operand(&field.field)?;
        let value = match &field.cast {
            Some(target) => value.cast(target)?,
            None => value,
        };
        Ok(Item { name: field.name().to_owned(), value })
    }

    /// PostgreSQL reads `chats.count` as `count(chats)` when there is no such column.
    pub(super) fn is_count(&self, item: &SelectItem) -> bool {
        matches!(item, SelectItem::Field(field) if field.field.name == "count"
            && field.field.path.is_empty() && self.table.column("count").is_none())
    }

    fn count_item(&self) -> Result<Item, RestError> {
        if !self.counts_rows() {
            return Err(RestError::sql(
                "42803",
                "column must appear in the GROUP BY clause or be used in an aggregate function",
            ));
        }
        let sql = Sql::new("count(*)");
        let name = match &self.node.select[0] {
            SelectItem::Field(field) => field.name().to_owned(),
            _ => "count".to_owned(),
        };
        Ok(Item { name, value: Operand { sql, pg_type: PgType::Bigint, nullable: false } })
    }

    /// A column or a place inside it.
    pub(super) fn operand(&self, field: &Field) -> Result<Operand, RestError> {
        let Some(column) = self.table.column(&field.name) else {
            return Err(self.undefined_column(&field.name));
        };
        let sql = Sql::default().column(self.alias, column.name);
        if field.path.is_empty() {
            return Ok(Operand { sql, pg_type: column.pg_type, nullable: column.nullable });
        }
        let pg_type = if field.as_text { PgType::Text } else { PgType::Jsonb };
        let function = if field.as_text { "jsonb_get_text" } else { "jsonb_get" };
        // There is nothing inside a value that is not jsonb.
        let sql = if column.pg_type == PgType::Jsonb { sql } else { Sql::new("null") };
        let sql = Sql::call(function, sql.push(", ").bind(json_path(&field.path)));
        Ok(Operand { sql, pg_type, nullable: true })
    }

    fn undefined_column(&self, name: &str) -> RestError {
        let columns = self.table.stored_columns().map(|column| column.name);
        let near = suggest::nearest_columns(name, columns);
        RestError::undefined_column(&self.alias.to_string(), name, &near)
    }
}

fn json_path(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => serde_json::Value::from(key.as_str()),
        Step::Index(index) => serde_json::Value::from(*index),
    });
    serde_json::Value::Array(steps.collect()).to_string()
}
