//! The SQL that PostgREST 14 makes of a request, as its `QueryBuilder.hs` and `Statements.hs` put it
//! together; values are literals here and parameters there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::literal;
use super::catalog::{Catalog, Function};
use super::query::{Condition, Query, Read};

/// More rows than this Supabase lets no request return.
const MAX_ROWS: u64 = 1000;

const BODY: &str = "coalesce(json_agg(_postgrest_t), '[]')::text";

pub struct Statements<'a>(pub &'a Catalog);

/// Where rows come from: how SQL names them, and the table that they are of.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a str,
    table: &'a str,
}

fn quoted(name: &str) -> String {
    if name == "*" { name.to_owned() } else { format!("\"{name}\"") }
}

fn column(source: &str, name: &str) -> String {
    format!("{source}.{}", quoted(name))
}

fn text(value: &str) -> String {
    literal(&Value::from(value))
}

fn joined<T>(
    parts: impl IntoIterator<Item = T>,
    separator: &str,
    show: impl Fn(T) -> String,
) -> String {
    parts.into_iter().map(show).collect::<Vec<_>>().join(separator)
}

impl Statements<'_> {
    /// `GET /table`
    pub fn read(&self, table: &str, query: &Query) -> String {
        let name = format!("\"public\".{}", quoted(table));
        let select = self.select(Source { name: &name, table }, &name, &query.read, "", 0);
        format!(
            "WITH pgrst_source AS ( {select} ) SELECT pg_catalog.count(_postgrest_t), {BODY} \
             FROM ( SELECT * FROM pgrst_source ) _postgrest_t"
        )
    }

    /// `GET /rpc/function` or, with a body, POST.
    pub fn call(
        &self,
        name: &str,
        function: &Function,
        query: &Query,
        body: Option<&Value>,
    ) -> String {
        let from = call(name, function, query, body);
        let Some(table) = &function.table else {
            return format!(
                "WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM {from}) \
                 SELECT 1, coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')::text \
                 FROM (SELECT \"pgrst_source\".* FROM \"pgrst_source\") _postgrest_t"
            );
        };
        let mut columns = self.returned(table, &query.read);
        if !columns.contains("*") {
            filtered(&query.read, &mut columns);
        }
        let columns = joined(columns, ", ", |name| column("pgrst_call", name));
        let of_rows = self.source_sql(table, &query.read, true);
        format!("WITH pgrst_source AS (SELECT {columns} FROM {from}) {of_rows}")
    }

    /// POST, PATCH or DELETE of rows of a table; what is not asked for is not returned.
    pub fn write(&self, verb: &str, table: &str, query: &Query, request: &Write<'_>) -> String {
        let name = format!("\"public\".{}", quoted(table));
        let conditions = joined(&query.read.conditions, " AND ", |c| condition(&name, c));
        let place = if conditions.is_empty() { conditions } else { format!(" WHERE {conditions}") };
        let body = request.body.map(|body| self.body(table, body));
        let columns = body.as_ref().map(|body| body.columns.as_slice()).unwrap_or_default();
        let from = body.as_ref().map(|body| body.from.as_str()).unwrap_or_default();
        let statement = match verb {
            "POST" => {
                let key = joined(&self.0.tables[table].primary_key, ", ", |name| quoted(name));
                let conflict = if request.ignores_duplicates {
                    format!(" ON CONFLICT({key}) DO NOTHING")
                } else {
                    String::new()
                };
                let named = joined(columns, ", ", |name| quoted(name));
                let values = joined(columns, ", ", |name| column("\"pgrst_body\"", name));
                format!("INSERT INTO {name}({named}) SELECT {values} {from}{conflict}")
            }
            "PATCH" => {
                let set = joined(columns, ", ", |name| {
                    format!("{} = {}", quoted(name), column("\"pgrst_body\"", name))
                });
                format!("UPDATE {name} SET {set} {from}{place}")
            }
            _ => format!("DELETE FROM {name}{place}"),
        };
        if !request.returns {
            return format!(
                "WITH pgrst_source AS ({statement} RETURNING 1) SELECT \
                 pg_catalog.count(_postgrest_t), ''::text FROM (SELECT * FROM pgrst_source) _postgrest_t"
            );
        }
        let mut columns = self.returned(table, &query.read);
        if !columns.contains("*") {
            columns.extend(self.0.tables[table].primary_key.iter().map(String::as_str));
        }
        let columns = joined(columns, ", ", |column_name| column(&name, column_name));
        let of_rows = self.source_sql(table, &query.read, false);
        format!("WITH pgrst_source AS ({statement} RETURNING {columns}) {of_rows}")
    }

    /// Reads what a call or a write returned.
    fn source_sql(&self, table: &str, read: &Read, filters: bool) -> String {
        let source = Source { name: "\"pgrst_source\"", table };
        let select = match filters {
            true => self.select(source, source.name, read, "", 0),
            false => self.select_sql(source, source.name, read, "", 0, &[]),
        };
        format!("SELECT pg_catalog.count(_postgrest_t), {BODY} FROM ({select}) _postgrest_t")
    }

    fn select(
        &self,
        source: Source<'_>,
        from: &str,
        read: &Read,
        join: &str,
        depth: usize,
    ) -> String {
        self.select_sql(source, from, read, join, depth, &read.conditions)
    }

    fn select_sql(
        &self,
        source: Source<'_>,
        from: &str,
        read: &Read,
        join: &str,
        depth: usize,
        conditions: &[Condition],
    ) -> String {
        let item = |(shown, name): &(String, String)| match shown == name {
            true => column(source.name, name),
            false => format!("{} AS {}", column(source.name, name), quoted(shown)),
        };
        let mut items: Vec<_> = read.columns.iter().map(item).collect();
        let mut joins = String::new();
        for (table, embedded) in &read.embeds {
            let alias = format!("\"{table}_{}\"", depth + 1);
            let rows = format!("\"{}_{table}_{}\"", source.table, depth + 1);
            let pairs = self.0.join(source.table, table);
            let on = joined(pairs, " AND ", |(parent, own)| {
                format!("{} = {}", column(&alias, own), column(source.name, parent))
            });
            let from = format!("\"public\".{} AS {alias}", quoted(table));
            let inner = Source { name: &alias, table };
            let select = self.select(inner, &from, embedded, &on, depth + 1);
            joins += &format!(
                " LEFT JOIN LATERAL ( SELECT json_agg({rows})::jsonb AS {rows} FROM ({select} ) AS \
                 {rows} ) AS {rows} ON TRUE"
            );
            items.push(format!("COALESCE( {rows}.{rows}, '[]') AS {}", quoted(table)));
        }
        let mut place: Vec<_> = conditions.iter().map(|c| condition(source.name, c)).collect();
        place.extend((!join.is_empty()).then(|| join.to_owned()));
        let place = if place.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", place.join(" AND "))
        };
        let order =
            joined(&read.order, ", ", |(name, way)| format!("{} {way}", column(source.name, name)));
        let order = if order.is_empty() { order } else { format!(" ORDER BY {order}") };
        let limit = read.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS);
        let limit = if place.is_empty() && source.name == "\"pgrst_source\"" && read.limit.is_none()
        {
            String::new()
        } else {
            format!(" LIMIT '{limit}' OFFSET '0'")
        };
        format!("SELECT {} FROM {from}{joins}{place}{order}{limit}", items.join(", "))
    }

    /// The columns that the subquery of a call or a write holds for what is selected, by their names.
    fn returned<'b>(&'b self, table: &str, read: &'b Read) -> BTreeSet<&'b str> {
        if read.columns.iter().any(|(_, column)| column == "*") {
            return BTreeSet::from(["*"]);
        }
        let embeds = read.embeds.iter();
        let keys = embeds.flat_map(|(embed, _)| self.0.join(table, embed)).map(|(own, _)| own);
        read.columns.iter().map(|(_, column)| column.as_str()).chain(keys).collect()
    }

    fn body(&self, table: &str, body: &Value) -> Body {
        let first = body.as_array().map_or(body, |rows| &rows[0]).as_object().unwrap();
        let columns: Vec<_> = first.keys().cloned().collect();
        let types = &self.0.tables[table].columns;
        let typed: Vec<_> =
            columns.iter().map(|name| (name.as_str(), types[name].as_str())).collect();
        Body { from: format!("FROM {}", rows_sql(body, &typed, "")), columns }
    }
}

/// The parts of a request that its query string does not have.
pub struct Write<'a> {
    pub body: Option<&'a Value>,
    pub ignores_duplicates: bool,
    pub returns: bool,
}

struct Body {
    columns: Vec<String>,
    from: String,
}

/// A JSON text as rows with these columns.
fn rows_sql(body: &Value, columns: &[(&str, &str)], limit: &str) -> String {
    let names = joined(columns, ", ", |(name, _)| quoted(name));
    let typed = joined(columns, ", ", |(name, pg_type)| format!("{} {pg_type}", quoted(name)));
    let function = if body.is_object() { "json_to_record" } else { "json_to_recordset" };
    let json = text(&body.to_string());
    format!(
        "(SELECT {json}::json AS json_data) pgrst_payload, LATERAL (SELECT {names} FROM \
         {function}(pgrst_payload.json_data) AS _({typed}) {limit}) pgrst_body"
    )
}

fn call(name: &str, function: &Function, query: &Query, body: Option<&Value>) -> String {
    let pg_type = |name: &str| {
        let of = function.parameters.get(name);
        of.unwrap_or_else(|| panic!("{name} is no parameter")).as_str()
    };
    let none = Map::new();
    let given = body.map_or(&none, |body| body.as_object().unwrap());
    let (before, arguments) = if given.is_empty() {
        let arguments = &query.arguments;
        let arguments = joined(arguments, ", ", |(name, value)| {
            format!("{} := {}::{}", quoted(name), text(value), pg_type(name))
        });
        (String::new(), arguments)
    } else {
        let typed: Vec<_> = given.keys().map(|name| (name.as_str(), pg_type(name))).collect();
        let arguments = joined(given.keys(), ", ", |name| {
            format!("{} := pgrst_body.{}", quoted(name), quoted(name))
        });
        let body = body.unwrap();
        (format!("{}, LATERAL ", rows_sql(body, &typed, "LIMIT 1")), arguments)
    };
    let call = format!("\"public\".{}({arguments})", quoted(name));
    match function.table {
        Some(_) => format!("{before}{call} pgrst_call"),
        None => format!("{before}(SELECT {call} pgrst_scalar) pgrst_call"),
    }
}

fn filtered<'a>(read: &'a Read, names: &mut BTreeSet<&'a str>) {
    read.conditions.iter().for_each(|condition| named(condition, names));
    read.embeds.iter().for_each(|(_, embedded)| filtered(embedded, names));
}

fn named<'a>(condition: &'a Condition, names: &mut BTreeSet<&'a str>) {
    match condition {
        Condition::Compare { column, .. } => {
            names.insert(column);
        }
        Condition::Logic { conditions, .. } => conditions.iter().for_each(|c| named(c, names)),
    }
}

fn condition(source: &str, of: &Condition) -> String {
    match of {
        Condition::Logic { any, conditions } => {
            let separator = if *any { " OR " } else { " AND " };
            format!("({})", joined(conditions, separator, |inner| condition(source, inner)))
        }
        Condition::Compare { column: name, negated, operator, value } => {
            let left = column(source, name);
            let right = match operator.as_str() {
                "eq" => format!("= {}", text(value)),
                "neq" => format!("<> {}", text(value)),
                "gt" => format!("> {}", text(value)),
                "gte" => format!(">= {}", text(value)),
                "lt" => format!("< {}", text(value)),
                "lte" => format!("<= {}", text(value)),
                "like" | "ilike" => format!("{operator} {}", text(&value.replace('*', "%"))),
                "is" => format!("IS {}", value.to_uppercase()),
                _ => format!("= ANY ({})", text(&value.replace('(', "{").replace(')', "}"))),
            };
            format!("{} {left} {right}", if *negated { "NOT" } else { "" })
        }
    }
}
