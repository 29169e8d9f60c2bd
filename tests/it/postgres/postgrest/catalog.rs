//! What PostgREST knows of the schema: it reads the catalog once, at its start.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::Database;

#[derive(Deserialize)]
pub struct Catalog {
    pub tables: BTreeMap<String, Table>,
    pub functions: BTreeMap<String, Function>,
    keys: Vec<ForeignKey>,
}

#[derive(Deserialize)]
pub struct Table {
    /// Names and types.
    pub columns: BTreeMap<String, String>,
    pub primary_key: Vec<String>,
}

#[derive(Deserialize)]
pub struct Function {
    /// Names and types.
    pub parameters: BTreeMap<String, String>,
    /// The table whose rows it returns; else it returns a single value.
    pub table: Option<String>,
    pub is_volatile: bool,
}

#[derive(Deserialize)]
struct ForeignKey {
    table: String,
    columns: Vec<String>,
    target: String,
    target_columns: Vec<String>,
}

const READ: &str = "
    select jsonb_build_object(
      'tables', (select jsonb_object_agg(c.relname, jsonb_build_object(
          'columns', (select jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
            from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
          'primary_key', (select jsonb_agg(a.attname) from pg_index i join pg_attribute a
            on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            where i.indrelid = c.oid and i.indisprimary)))
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'),
      'functions', (select jsonb_object_agg(p.proname, jsonb_build_object(
          'parameters', (select coalesce(jsonb_object_agg(a.name, format_type(a.type, null)), '{}')
            from unnest(p.proargnames, p.proargtypes::oid[]) as a (name, type)
            where a.type is not null and a.name is not null),
          'table', (select t.relname from pg_class t where t.reltype = p.prorettype),
          'is_volatile', p.provolatile = 'v'))
        from pg_proc p where p.pronamespace = 'public'::regnamespace),
      'keys', (select jsonb_agg(jsonb_build_object(
          'table', (select relname from pg_class where oid = k.conrelid),
          'columns', (select jsonb_agg(a.attname order by n.place)
            from unnest(k.conkey) with ordinality as n (number, place)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.number),
          'target', (select relname from pg_class where oid = k.confrelid),
          'target_columns', (select jsonb_agg(a.attname order by n.place)
            from unnest(k.confkey) with ordinality as n (number, place)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = n.number)))
        from pg_constraint k where k.contype = 'f'
          and k.connamespace = 'public'::regnamespace))::text";

impl Catalog {
    pub async fn load(db: &Database) -> Self {
        serde_json::from_str(&db.strings(READ).await.concat()).unwrap()
    }

    /// The columns that join rows of `table`, embedded, with those of `parent`: pairs of the parent's
    /// and its own.
    pub fn join(&self, parent: &str, table: &str) -> Vec<(&str, &str)> {
        let mut keys = self.keys.iter().filter(|key| key.table == table && key.target == parent);
        let (Some(key), None) = (keys.next(), keys.next()) else {
            panic!("not one foreign key from {table} to {parent}")
        };
        let parents = key.target_columns.iter().map(String::as_str);
        parents.zip(key.columns.iter().map(String::as_str)).collect()
    }
}
