//! Selects, as PostgREST's `QueryBuilder.hs` puts them together.

use super::failure::Failure;
use super::query::{Condition, Embed, Field, Item, Operation, Read, Term, not_embedded};
use super::relationship::{Cardinality, Relationship};
use super::statement::{Statements, column, joined, public, quoted, text};

/// More rows than this Supabase lets no request return.
const MAX_ROWS: u64 = 1000;

/// Where rows come from.
pub struct Source<'a> {
    /// What follows `FROM`.
    from: String,
    /// How columns of it are named.
    name: String,
    table: &'a str,
    /// Whether they are rows that a write or a function returned.
    is_written: bool,
}

impl<'a> Source<'a> {
    pub fn table(table: &'a str) -> Self {
        Self { from: public(table), name: public(table), table, is_written: false }
    }

    pub fn written(table: &'a str) -> Self {
        let from = format!("\"pgrst_source\" AS {}", quoted(table));
        Self { from, name: quoted(table), table, is_written: true }
    }

    /// The rows of a body, as PUT compares them with its address.
    pub fn body(table: &'a str) -> Self {
        Self { from: String::new(), name: "\"pgrst_body\"".to_owned(), table, is_written: true }
    }

    fn embedded(relationship: &'a Relationship, depth: usize) -> Self {
        let table = relationship.table.as_str();
        if let Cardinality::ManyToMany(junction) = &relationship.cardinality {
            let from = format!("{}, {}", public(table), public(&junction.table));
            return Self { from, name: public(table), table, is_written: false };
        }
        let name = quoted(&format!("{table}_{depth}"));
        Self { from: format!("{} AS {name}", public(table)), name, table, is_written: false }
    }
}

/// A relation in a select: its alias, what it is and the select around it.
struct Joined<'a> {
    embed: &'a Embed,
    alias: String,
    relationship: Relationship,
}

impl Statements<'_> {
    pub fn select(
        &self,
        source: &Source<'_>,
        read: &Read,
        joins: &[String],
        depth: usize,
        filters: bool,
    ) -> Result<String, Failure> {
        let embeds = self.embeds(source, read, depth)?;
        if read.items.iter().any(|item| item.is_aggregate) {
            let message = "Use of aggregate functions is not allowed";
            return Err(Failure::new(400, "PGRST123", message));
        }
        let mut items: Vec<_> = read.items.iter().map(|i| self.item(source, i)).collect();
        if items.is_empty() && embeds.is_empty() {
            items.push(column(&source.name, "*"));
        }
        let mut laterals = String::new();
        for embedded in &embeds {
            items.extend(shown(embedded));
            laterals += &self.lateral(source, embedded, depth)?;
        }
        let is_null = |field: &Field, negated: bool| {
            let embedded = embeds.iter().find(|e| name(e.embed) == field.name)?;
            let not = if negated { "" } else { "NOT " };
            Some(format!("{} IS {not}DISTINCT FROM NULL", embedded.alias))
        };
        let conditions = if filters { &read.conditions[..] } else { &[] };
        let place = self.place(source, conditions, joins, &is_null);
        let order = self.order(source, &read.order, &embeds)?;
        let range = range(read, source.is_written && !filters);
        Ok(format!(
            "SELECT {} FROM {}{laterals}{place}{order}{range}",
            items.join(", "),
            source.from
        ))
    }

    /// What is counted: filters and inner joins, no pages.
    pub fn count(
        &self,
        source: &Source<'_>,
        read: &Read,
        joins: &[String],
        depth: usize,
    ) -> Result<String, Failure> {
        let embeds = self.embeds(source, read, depth)?;
        let mut exist = Vec::new();
        for embedded in &embeds {
            let child = Source::embedded(&embedded.relationship, depth + 1);
            let on = join(source, &child, &embedded.relationship);
            exist.push(format!(
                "EXISTS ({} )",
                self.count(&child, &embedded.embed.read, &on, depth + 1)?
            ));
        }
        let is_null = |field: &Field, negated: bool| {
            let at = embeds.iter().position(|e| name(e.embed) == field.name)?;
            Some(format!("{}{}", if negated { "" } else { "NOT " }, exist[at]))
        };
        let inner = embeds.iter().zip(&exist).filter(|(e, _)| e.embed.inner);
        let inner = inner.map(|(_, exists)| exists.clone());
        let joins: Vec<_> = joins.iter().cloned().chain(inner).collect();
        let place = self.place(source, &read.conditions, &joins, &is_null);
        Ok(format!("SELECT 1 FROM {}{place}", source.from))
    }

    fn embeds<'r>(
        &self,
        source: &Source<'_>,
        read: &'r Read,
        depth: usize,
    ) -> Result<Vec<Joined<'r>>, Failure> {
        let joined = |embed: &'r Embed| {
            let relationship = self.0.find(source.table, &embed.relation, embed.hint.as_deref())?;
            let alias = quoted(&format!("{}_{}_{}", source.table, name(embed), depth + 1));
            Ok(Joined { embed, alias, relationship })
        };
        read.embeds.iter().map(joined).collect()
    }

    fn lateral(
        &self,
        source: &Source<'_>,
        embedded: &Joined<'_>,
        depth: usize,
    ) -> Result<String, Failure> {
        let Joined { embed, alias, relationship } = embedded;
        let child = Source::embedded(relationship, depth + 1);
        let on = join(source, &child, relationship);
        let select = self.select(&child, &embed.read, &on, depth + 1, true)?;
        let kind = if embed.inner { "INNER" } else { "LEFT" };
        if relationship.is_to_one() {
            return Ok(format!(" {kind} JOIN LATERAL ( {select} ) AS {alias} ON TRUE"));
        }
        let mut rows = format!("SELECT json_agg({alias})::jsonb AS {alias}");
        if embed.spread {
            for name in spread_names(&embed.read) {
                rows += &format!(
                    ", COALESCE(json_agg({}),'[]')::jsonb AS {}",
                    column(alias, &name),
                    quoted(&name)
                );
            }
        }
        let exists = if embed.inner { format!("{alias} IS NOT NULL") } else { "TRUE".to_owned() };
        Ok(format!(
            " {kind} JOIN LATERAL ( {rows} FROM ({select} ) AS {alias} ) AS {alias} ON {exists}"
        ))
    }

    fn item(&self, source: &Source<'_>, item: &Item) -> String {
        let value = self.field(source, &item.field);
        let value = match &item.cast {
            Some(pg_type) => format!("CAST( {value} AS {pg_type} )"),
            None => value,
        };
        match &item.alias {
            Some(alias) => format!("{value} AS {}", quoted(alias)),
            None => value,
        }
    }

    fn field(&self, source: &Source<'_>, field: &Field) -> String {
        let value = column(&source.name, &field.name);
        if field.path.is_empty() {
            return value;
        }
        let known = self.0.tables.get(source.table).and_then(|t| t.columns.get(&field.name));
        match known.map(|column| column.pg_type.as_str()) {
            Some("json" | "jsonb") => format!("{value}{}", field.path),
            _ => format!("to_jsonb({value}){}", field.path),
        }
    }

    /// ` WHERE …`; `is_null` writes a test of an embedded relation.
    pub fn place(
        &self,
        source: &Source<'_>,
        conditions: &[Condition],
        joins: &[String],
        is_null: &IsNull<'_>,
    ) -> String {
        let mut all: Vec<_> =
            conditions.iter().map(|c| self.condition(source, c, is_null)).collect();
        all.extend(joins.iter().cloned());
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }

    pub fn condition(
        &self,
        source: &Source<'_>,
        condition: &Condition,
        is_null: &IsNull<'_>,
    ) -> String {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match condition {
            Condition::Logic { negated, any, conditions } => {
                let separator = if *any { " OR " } else { " AND " };
                let inside = joined(conditions, separator, |c| self.condition(source, c, is_null));
                format!("{}({inside})", not(*negated))
            }
            Condition::Compare { field, negated, operation } => {
                let is_test = field.path.is_empty() && operation.is_null_test();
                if let Some(test) = is_test.then(|| is_null(field, *negated)).flatten() {
                    return test;
                }
                format!("{}{} {}", not(*negated), self.field(source, field), operation.sql())
            }
        }
    }

    fn order(
        &self,
        source: &Source<'_>,
        terms: &[Term],
        embeds: &[Joined<'_>],
    ) -> Result<String, Failure> {
        let mut shown = Vec::new();
        for term in terms {
            let value = match &term.relation {
                None => self.field(source, &term.field),
                Some(relation) => {
                    let found = embeds.iter().find(|e| name(e.embed) == relation);
                    let embedded = found.ok_or_else(|| not_embedded(relation))?;
                    if !embedded.relationship.is_to_one() {
                        return Err(not_to_one(source.table, relation));
                    }
                    format!("{}{}", column(&embedded.alias, &term.field.name), term.field.path)
                }
            };
            shown.push(format!("{value} {}", term.way));
        }
        Ok(if shown.is_empty() { String::new() } else { format!(" ORDER BY {}", shown.join(", ")) })
    }
}

/// Writes `embed=is.null`, negated or not, where the field names an embedded relation.
type IsNull<'a> = dyn Fn(&Field, bool) -> Option<String> + 'a;

pub fn no_embeds(_: &Field, _: bool) -> Option<String> {
    None
}

fn name(embed: &Embed) -> &str {
    embed.alias.as_deref().unwrap_or(&embed.relation)
}

/// Whether it selects nothing but relations that select nothing.
fn is_empty(read: &Read) -> bool {
    read.items.is_empty() && read.embeds.iter().all(|embed| is_empty(&embed.read))
}

/// The columns that an embedded relation adds to its parent's.
fn shown(embedded: &Joined<'_>) -> Vec<String> {
    let Joined { embed, alias, relationship } = embedded;
    if embed.spread {
        return spread_names(&embed.read).iter().map(|name| column(alias, name)).collect();
    }
    let shown = quoted(name(embed));
    match relationship.is_to_one() {
        _ if is_empty(&embed.read) => Vec::new(),
        true => vec![format!("row_to_json({alias}.*)::jsonb AS {shown}")],
        false => vec![format!("COALESCE( {alias}.{alias}, '[]') AS {shown}")],
    }
}

fn spread_names(read: &Read) -> Vec<String> {
    let items = read.items.iter();
    let items = items.map(|item| item.alias.clone().unwrap_or_else(|| item.field.name.clone()));
    let embeds = read.embeds.iter().flat_map(|embed| match embed.spread {
        true => spread_names(&embed.read),
        false => vec![name(embed).to_owned()],
    });
    items.chain(embeds).collect()
}

fn join(parent: &Source<'_>, child: &Source<'_>, relationship: &Relationship) -> Vec<String> {
    match &relationship.cardinality {
        Cardinality::ManyToMany(junction) => {
            let through = public(&junction.table);
            let pair = |end: &str, (own, other): &(String, String)| {
                format!("{} = {}", column(&through, other), column(end, own))
            };
            let to_child = junction.target_columns.iter().map(|p| pair(&child.name, p));
            to_child.chain(junction.origin_columns.iter().map(|p| pair(&parent.name, p))).collect()
        }
        Cardinality::OneToMany { columns, .. }
        | Cardinality::ManyToOne { columns, .. }
        | Cardinality::OneToOne { columns, .. } => {
            let pairs = columns.iter().map(|(own, other)| {
                format!("{} = {}", column(&child.name, other), column(&parent.name, own))
            });
            pairs.collect()
        }
    }
}

fn not_to_one(origin: &str, target: &str) -> Failure {
    let message = format!("A related order on '{target}' is not possible");
    let details =
        format!("'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship");
    Failure::new(400, "PGRST118", message).details(details)
}

/// What a write returns has no pages.
fn range(read: &Read, is_of_write: bool) -> String {
    if is_of_write {
        return String::new();
    }
    let limit = read.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS);
    format!(" LIMIT '{limit}' OFFSET '{}'", read.offset)
}

impl Operation {
    pub fn is_equality(&self) -> bool {
        matches!(self, Self::Binary { operator: "=", quantifier: None, .. })
    }

    fn is_null_test(&self) -> bool {
        matches!(self, Self::Is(word) if word == "NULL")
    }

    fn sql(&self) -> String {
        match self {
            Self::Binary { operator, quantifier: None, value } => {
                format!("{operator} {}", text(value))
            }
            Self::Binary { operator, quantifier: Some(quantifier), value } => {
                format!("{operator} {quantifier}({})", text(value))
            }
            Self::Is(word) => format!("IS {word}"),
            Self::IsDistinct(value) => format!("IS DISTINCT FROM {}", text(value)),
            Self::In(values) if values == &[""] => "= ANY('{}')".to_owned(),
            Self::In(values) => {
                let element = |value: &String| {
                    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
                };
                let elements = joined(values, ",", element);
                format!("= ANY ({})", text(&format!("{{{elements}}}")))
            }
        }
    }
}
