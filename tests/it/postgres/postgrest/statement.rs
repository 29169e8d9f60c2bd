//! The SQL that PostgREST 14 makes of a request, as its `Statements.hs` puts it together; values are
//! literals here and parameters there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::literal;
use super::body::Body;
use super::catalog::{Catalog, Function};
use super::failure::Failure;
use super::query::{Condition, Query, Read};
use super::read::{Source, no_embeds};

pub struct Statements<'a>(pub &'a Catalog);

/// What a request wants to see.
#[derive(Clone, Copy)]
pub struct Wants<'a> {
    pub format: Format,
    /// Of all rows.
    pub count: bool,
    /// The rows of a write.
    pub representation: bool,
    pub headers_only: bool,
    /// `merge-duplicates` or `ignore-duplicates`
    pub resolution: Option<&'a str>,
    pub missing_default: bool,
    /// Of a write.
    pub max_affected: Option<i64>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Format {
    Array,
    StrippedArray,
    Object,
    Csv,
    Nothing,
}

pub fn quoted(name: &str) -> String {
    if name == "*" { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

pub fn column(source: &str, name: &str) -> String {
    format!("{source}.{}", quoted(name))
}

pub fn text(value: &str) -> String {
    literal(&Value::from(value))
}

pub fn joined<T>(
    parts: impl IntoIterator<Item = T>,
    separator: &str,
    show: impl Fn(T) -> String,
) -> String {
    parts.into_iter().map(show).collect::<Vec<_>>().join(separator)
}

pub fn public(table: &str) -> String {
    format!("\"public\".{}", quoted(table))
}

const RESULT: &str = "FROM (SELECT * FROM pgrst_source) _postgrest_t";

impl Format {
    fn body(self) -> &'static str {
        match self {
            Self::Array => "coalesce(json_agg(_postgrest_t), '[]')::text",
            Self::StrippedArray => "coalesce(json_strip_nulls(json_agg(_postgrest_t)), '[]')::text",
            Self::Object => "coalesce(json_agg(_postgrest_t)->0, 'null')::text",
            Self::Csv => {
                "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT json_object_keys(r)::text \
                 as k FROM (SELECT row_to_json(hh) as r from pgrst_source as hh limit 1) s) a) \
                 || E'\\n' || coalesce(string_agg(substring(_postgrest_t::text, 2, \
                 length(_postgrest_t::text) - 2), E'\\n'), '')"
            }
            Self::Nothing => "''::text",
        }
    }
}

impl Statements<'_> {
    /// `GET /table`
    pub fn read(&self, table: &str, query: &Query, wants: Wants<'_>) -> Result<String, Failure> {
        let select = self.select(&Source::table(table), &query.read, &[], 0, true)?;
        let (counted, total) = match wants.count {
            true => {
                let all = self.count(&Source::table(table), &query.read, &[], 0)?;
                (
                    format!(", pgrst_source_count AS ({all})"),
                    "(SELECT count(*) FROM pgrst_source_count)",
                )
            }
            false => (String::new(), "null"),
        };
        let body = wants.format.body();
        Ok(format!(
            "WITH pgrst_source AS ( {select} ) {counted} SELECT {total}::text, \
             pg_catalog.count(_postgrest_t)::text, {body}, '' {RESULT}"
        ))
    }

    /// `GET /rpc/function` or, with a body, POST.
    pub fn call(
        &self,
        name: &str,
        function: &Function,
        query: &Query,
        body: Option<&Body>,
        wants: Wants<'_>,
    ) -> Result<String, Failure> {
        let from = call(name, function, query, body);
        let Some(table) = &function.table else {
            if function.returns_record {
                let format = if function.returns_set { Format::Array } else { Format::Object };
                let limit = query.read.limit.map(|limit| format!("LIMIT {limit}"));
                return Ok(format!(
                    "WITH pgrst_source AS (SELECT pgrst_call.* FROM {from}) SELECT null, \
                     pg_catalog.count(_postgrest_t)::text, {}, '' FROM (SELECT * FROM pgrst_source {}) \
                     _postgrest_t",
                    format.body(),
                    limit.unwrap_or_default()
                ));
            }
            return Ok(format!(
                "WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM {from}) \
                 SELECT null, '1', coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')::text, '' \
                 FROM (SELECT \"pgrst_source\".* FROM \"pgrst_source\") _postgrest_t"
            ));
        };
        let mut columns = self.returned(table, &query.read)?;
        if !columns.contains("*") {
            filtered(&query.read, &mut columns);
        }
        let columns = joined(columns, ", ", |name| column("pgrst_call", &name));
        let select = self.select(&Source::written(table), &query.read, &[], 0, true)?;
        // One row is an object, whatever was asked for.
        let format = if function.returns_set { wants.format } else { Format::Object };
        let body = format.body();
        Ok(format!(
            "WITH pgrst_source AS (SELECT {columns} FROM {from}) SELECT null, \
             pg_catalog.count(_postgrest_t)::text, {body}, '' FROM ({select}) _postgrest_t"
        ))
    }

    /// POST, PUT, PATCH or DELETE of rows of a table; what is not asked for is not returned.
    pub fn write(
        &self,
        verb: &str,
        table: &str,
        query: &Query,
        body: Option<&Body>,
        wants: Wants<'_>,
    ) -> Result<String, Failure> {
        // PostgREST plans what is read before what is written.
        let select = self.select(&Source::written(table), &query.read, &[], 0, false)?;
        let names = body.map(|body| body.columns(query)).unwrap_or_default();
        let columns = &self.0.tables[table].columns;
        if let Some(unknown) = names.iter().find(|name| !columns.contains_key(*name)) {
            let message =
                format!("Could not find the '{unknown}' column of '{table}' in the schema cache");
            return Err(Failure::new(400, "PGRST204", message));
        }
        let returning = self.returning(table, &query.read, wants)?;
        let from = match body {
            Some(body) => body.from(&names, &self.0.tables[table], wants.missing_default),
            None => String::new(),
        };
        let name = public(table);
        let statement = match verb {
            "POST" | "PUT" => self.insert(verb, table, &names, &from, query, wants)?,
            "PATCH" if names.is_empty() => {
                let empty = joined(self.returned(table, &query.read)?, ", ", |c| {
                    column(&quoted(table), &c)
                });
                let empty = if returning == "1" { "NULL".to_owned() } else { empty };
                format!("SELECT {empty} FROM {name} WHERE false")
            }
            "PATCH" => {
                let set = joined(&names, ", ", |name| {
                    format!("{} = {}", quoted(name), column("\"pgrst_body\"", name))
                });
                format!(
                    "UPDATE {name} SET {set} {from}{}",
                    self.place(&Source::table(table), &query.read.conditions, &[], &no_embeds)
                )
            }
            _ => format!(
                "DELETE FROM {name}{}",
                self.place(&Source::table(table), &query.read.conditions, &[], &no_embeds)
            ),
        };
        let statement = match statement.starts_with("SELECT") {
            true => statement,
            false => format!("{statement} RETURNING {returning}"),
        };
        let rows = if wants.representation {
            format!("({select})")
        } else {
            "(SELECT * FROM pgrst_source)".to_owned()
        };
        let format = if wants.representation { wants.format } else { Format::Nothing };
        let location = if wants.headers_only && verb == "POST" {
            self.location(table)
        } else {
            "''".to_owned()
        };
        let inserted = "nullif(current_setting('pgrst.inserted', true), '')";
        Ok(format!(
            "WITH pgrst_source AS ({statement}) SELECT {inserted}, \
             pg_catalog.count(_postgrest_t)::text, {}, {location} FROM {rows} _postgrest_t",
            format.body()
        ))
    }

    fn insert(
        &self,
        verb: &str,
        table: &str,
        names: &[String],
        from: &str,
        query: &Query,
        wants: Wants<'_>,
    ) -> Result<String, Failure> {
        let key = &self.0.tables[table].primary_key;
        if verb == "PUT" && !names_key(query, key) {
            let message =
                "Filters must include all and only primary key columns with 'eq' operators";
            return Err(Failure::new(405, "PGRST105", message));
        }
        let into = if names.is_empty() {
            " ".to_owned()
        } else {
            format!("({}) ", joined(names, ", ", |n| quoted(n)))
        };
        let values = joined(names, ", ", |name| column("\"pgrst_body\"", name));
        let is_put = verb == "PUT";
        let merges = is_put || wants.resolution == Some("merge-duplicates");
        let mut sql = format!("INSERT INTO {}{into}SELECT {values} {from} ", public(table));
        if merges {
            sql += &format!("WHERE {}", count_inserted("+", "0"));
        }
        if is_put {
            let source = Source::body(table);
            let place =
                joined(&query.read.conditions, " AND ", |c| self.condition(&source, c, &no_embeds));
            sql += &format!(" AND {place}");
        }
        let target = if is_put { key } else { query.on_conflict.as_ref().unwrap_or(key) };
        if (merges || wants.resolution.is_some()) && !target.is_empty() {
            sql += &format!(" ON CONFLICT({}) ", joined(target, ", ", |n| quoted(n)));
            sql += &if merges && !names.is_empty() {
                let set =
                    joined(names, ", ", |n| format!("{} = EXCLUDED.{}", quoted(n), quoted(n)));
                format!("DO UPDATE SET {set} WHERE {}", count_inserted("-", "-1"))
            } else {
                "DO NOTHING".to_owned()
            };
        }
        Ok(sql)
    }

    /// What a write returns: 1 where nobody wants to see anything.
    fn returning(&self, table: &str, read: &Read, wants: Wants<'_>) -> Result<String, Failure> {
        if !wants.representation && !wants.headers_only {
            return Ok("1".to_owned());
        }
        let mut columns = self.returned(table, read)?;
        if !columns.contains("*") {
            columns.extend(self.0.tables[table].primary_key.iter().cloned());
        }
        Ok(joined(columns, ", ", |name| column(&public(table), &name)))
    }

    fn location(&self, table: &str) -> String {
        let key = joined(&self.0.tables[table].primary_key, ",", |name| text(name));
        let key = if key.is_empty() { "''".to_owned() } else { key };
        format!(
            "CASE WHEN pg_catalog.count(_postgrest_t) = 1 THEN coalesce((WITH data AS (SELECT \
             row_to_json(_) AS row FROM pgrst_source AS _ LIMIT 1) SELECT string_agg(json_data.key || \
             '=' || coalesce('eq.' || json_data.value, 'is.null'), '&') FROM data CROSS JOIN \
             json_each_text(data.row) AS json_data WHERE json_data.key IN ({key})), '') ELSE '' END"
        )
    }

    /// The columns that the subquery of a call or a write holds for what is selected, by their names.
    fn returned(&self, table: &str, read: &Read) -> Result<BTreeSet<String>, Failure> {
        let mut columns: BTreeSet<_> =
            read.items.iter().map(|item| item.field.name.clone()).collect();
        if columns.contains("*") {
            return Ok(BTreeSet::from(["*".to_owned()]));
        }
        for embed in &read.embeds {
            let found = self.0.find(table, &embed.relation, embed.hint.as_deref())?;
            columns.extend(found.origin_columns().map(str::to_owned));
        }
        Ok(columns)
    }
}

/// Whether the filters name the primary key and nothing else.
fn names_key(query: &Query, key: &[String]) -> bool {
    let equal = |condition: &Condition| match condition {
        Condition::Compare { field, negated: false, operation } if operation.is_equality() => {
            Some(field.name.clone())
        }
        _ => None,
    };
    let named: Option<BTreeSet<_>> = query.read.conditions.iter().map(equal).collect();
    named.is_some_and(|named| !key.is_empty() && named == key.iter().cloned().collect())
}

fn count_inserted(sign: &str, other: &str) -> String {
    format!(
        "set_config('pgrst.inserted', (coalesce(nullif(current_setting('pgrst.inserted', true), \
         '')::int, 0) {sign} 1)::text, true) <> '{other}'"
    )
}

fn call(name: &str, function: &Function, query: &Query, body: Option<&Body>) -> String {
    let pg_type = |name: &str| {
        let of = function.parameters.get(name);
        of.unwrap_or_else(|| panic!("{name} is no parameter")).as_str()
    };
    let none = Map::new();
    let given = body.map_or(&none, |body| body.json.as_object().unwrap());
    let (before, arguments) = if given.is_empty() {
        let arguments = &query.arguments;
        let arguments = joined(arguments, ", ", |(name, value)| {
            format!("{} := {}::{}", quoted(name), text(value), pg_type(name))
        });
        (String::new(), arguments)
    } else {
        let typed: Vec<_> = given.keys().map(|name| (name.as_str(), pg_type(name))).collect();
        let arguments = joined(given.keys(), ", ", |name| {
            let variadic = if function.variadic.as_ref() == Some(name) { "VARIADIC " } else { "" };
            format!("{variadic}{} := pgrst_body.{}", quoted(name), quoted(name))
        });
        let body = body.unwrap();
        (format!("{}, LATERAL ", body.rows(&typed, "LIMIT 1")), arguments)
    };
    let call = format!("{}({arguments})", public(name));
    if function.table.is_some() || function.returns_record {
        format!("{before}{call} pgrst_call")
    } else {
        format!("{before}(SELECT {call} pgrst_scalar) pgrst_call")
    }
}

fn filtered(read: &Read, names: &mut BTreeSet<String>) {
    read.conditions.iter().for_each(|condition| named(condition, names));
    read.embeds.iter().for_each(|embed| filtered(&embed.read, names));
}

fn named(condition: &Condition, names: &mut BTreeSet<String>) {
    match condition {
        Condition::Compare { field, .. } => {
            names.insert(field.name.clone());
        }
        Condition::Logic { conditions, .. } => conditions.iter().for_each(|c| named(c, names)),
    }
}
