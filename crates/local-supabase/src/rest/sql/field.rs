//! Columns, places inside jsonb, casts, and how each type becomes JSON or text.

use super::builder::Sql;
use super::relation::Relation;
use crate::rest::error::RestError;
use crate::rest::query::{Field, SelectField, SelectItem, Step};
use crate::rest::sqlite_functions::arrays;
use crate::rest::suggest;
use crate::schema::{EnumType, PgType, Precision};

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

/// The place of an enum's value in its order.
fn position(value: Sql, enumeration: &EnumType) -> Sql {
    let cases = enumeration.labels.iter().zip(0_i64..).map(|(label, place)| {
        Sql::new(" when ").bind((*label).to_owned()).push(" then ").bind(place)
    });
    Sql::new("case ").append(value).append(Sql::join("", cases)).push(" end")
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
            PgType::Uuid | PgType::Smallint | PgType::Integer | PgType::Bigint => self.sql,
            PgType::Text
            | PgType::Varchar(_)
            | PgType::Char(_)
            | PgType::Enum(_)
            | PgType::Bytea => Sql::call("json_text", self.sql),
            PgType::Json | PgType::Jsonb | PgType::Array(_) => Sql::call("as_json", self.sql),
            PgType::Boolean => self.choose("json('true')", "json('false')"),
            PgType::Numeric(_) => Sql::call("as_json", self.cast_to_text()),
            PgType::Real => Sql::call("real_json", self.sql),
            PgType::DoublePrecision => Sql::call("double_json", self.sql),
            PgType::Timestamp => Sql::call("timestamp_json", self.sql),
            PgType::Timestamptz => Sql::call("timestamptz_json", self.sql),
            PgType::Date | PgType::Time | PgType::Interval => self.cast_to_text(),
        }
    }

    /// `to_jsonb(value)` as text.
    fn into_jsonb(self) -> Sql {
        match self.pg_type {
            PgType::Json | PgType::Jsonb | PgType::Array(_) => self.sql,
            PgType::Boolean
            | PgType::Smallint
            | PgType::Integer
            | PgType::Bigint
            | PgType::Numeric(_) => self.cast_to_text(),
            PgType::Real | PgType::DoublePrecision => self.into_json(),
            PgType::Timestamp | PgType::Timestamptz => Sql::call("json_text", self.into_json()),
            PgType::Char(_) => Sql::call("json_text", self.sql),
            _ => Sql::call("json_text", self.cast_to_text()),
        }
    }

    /// As PostgreSQL prints it in a row.
    fn into_text(self) -> Sql {
        match self.pg_type {
            PgType::Boolean => self.choose("'t'", "'f'"),
            PgType::Char(_) => self.sql,
            _ => self.cast_to_text(),
        }
    }

    /// `::text`
    fn cast_to_text(self) -> Sql {
        match self.pg_type {
            PgType::Text
            | PgType::Varchar(_)
            | PgType::Uuid
            | PgType::Json
            | PgType::Jsonb
            | PgType::Enum(_)
            | PgType::Bytea => self.sql,
            PgType::Boolean => self.choose("'true'", "'false'"),
            // Its spaces at the end are no part of the text.
            PgType::Char(_) => Sql::call("rtrim", self.sql.push(", ' '")),
            PgType::Smallint | PgType::Integer | PgType::Bigint | PgType::Interval => {
                Sql::call("cast", self.sql.push(" as text"))
            }
            PgType::Numeric(Some(Precision { scale, .. })) => {
                Sql::call("numeric_text", self.sql.push(", ").bind(i64::from(scale)))
            }
            PgType::Numeric(None) => Sql::call("numeric_text", self.sql),
            PgType::Real => Sql::call("real_text", self.sql),
            PgType::DoublePrecision => Sql::call("double_text", self.sql),
            PgType::Date => Sql::call("date_text", self.sql),
            PgType::Time => Sql::call("time_text", self.sql),
            PgType::Timestamp => Sql::call("timestamp_text", self.sql),
            PgType::Timestamptz => Sql::call("timestamptz_text", self.sql),
            PgType::Array(element) => {
                let kind = arrays::kind(*element);
                Sql::call("array_text", self.sql.push(", ").bind(kind.to_owned()))
            }
        }
    }

    /// A value that sorts as PostgreSQL orders those of the type, where SQLite would not.
    pub(super) fn sort_key(self) -> Result<Sql, RestError> {
        Ok(match self.pg_type {
            PgType::Jsonb => Sql::call("jsonb_sort_key", self.sql),
            PgType::Enum(enumeration) => position(self.sql, enumeration),
            PgType::Array(element) => {
                let labels = match element {
                    PgType::Enum(enumeration) => enumeration.labels,
                    _ => &[],
                };
                let labels = serde_json::Value::from(labels.to_vec()).to_string();
                Sql::call("array_sort_key", self.sql.push(", ").bind(labels))
            }
            PgType::Json => return Err(RestError::no_order("json")),
            _ => self.sql,
        })
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
            ("float8", PgType::DoublePrecision) | ("float4", PgType::Real) => Ok(self),
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
        PgType::Numeric(_) => name == "decimal",
        PgType::Smallint => name == "int2",
        PgType::Time => name == "time",
        PgType::Timestamp => name == "timestamp",
        PgType::Timestamptz => name == "timestamptz",
        _ => false,
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
        let pg_type = match column.pg_type {
            _ if field.as_text => PgType::Text,
            PgType::Json => PgType::Json,
            _ => PgType::Jsonb,
        };
        let function = if field.as_text { "jsonb_get_text" } else { "jsonb_get" };
        let sql = Operand { sql, pg_type: column.pg_type, nullable: true }.into_jsonb();
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
