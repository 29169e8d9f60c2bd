//! What PostgREST knows of the schema: it reads the catalog once, at its start.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::Database;
use super::body::Body;

#[derive(Deserialize)]
pub struct Catalog {
    pub tables: BTreeMap<String, Table>,
    pub functions: BTreeMap<String, Function>,
    pub keys: Vec<ForeignKey>,
}

#[derive(Deserialize)]
pub struct Table {
    pub columns: BTreeMap<String, Column>,
    /// By alphabet.
    pub primary_key: Vec<String>,
    /// The columns of each primary key and unique constraint, by alphabet.
    pub unique: Vec<Vec<String>>,
}

#[derive(Deserialize)]
pub struct Column {
    pub pg_type: String,
    /// What `missing=default` fills in.
    pub default: Option<String>,
}

#[derive(Deserialize)]
pub struct Function {
    /// Names and types.
    pub parameters: BTreeMap<String, String>,
    /// The table whose rows it returns; else it returns a single value.
    pub table: Option<String>,
    /// Whether it has columns of its own, and any number of rows.
    pub returns_record: bool,
    pub returns_set: bool,
    /// The argument that takes the rest.
    pub variadic: Option<String>,
    pub is_volatile: bool,
}

#[derive(Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub table: String,
    pub columns: Vec<String>,
    pub target: String,
    pub target_columns: Vec<String>,
}

const READ: &str = "
    select jsonb_build_object(
      'tables', (select coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
          'columns', (select jsonb_object_agg(a.attname, jsonb_build_object(
              'pg_type', format_type(a.atttypid, a.atttypmod),
              'default', case
                when t.typbasetype <> 0 and d.adbin is null then pg_get_expr(t.typdefaultbin, 0)
                when a.attidentity = 'd' then format('nextval(%L)', s.objid::regclass)
                when a.attgenerated = 's' then null
                else pg_get_expr(d.adbin, d.adrelid) end))
            from pg_attribute a join pg_type t on t.oid = a.atttypid
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            left join pg_depend s on s.refobjid = a.attrelid and s.refobjsubid = a.attnum
              and s.deptype = 'i'
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
          'primary_key', (select coalesce(jsonb_agg(a.attname order by a.attname), '[]')
            from pg_index i join pg_attribute a
            on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            where i.indrelid = c.oid and i.indisprimary),
          'unique', (select coalesce(jsonb_agg((select jsonb_agg(a.attname order by a.attname)
              from pg_attribute a where a.attrelid = c.oid and a.attnum = any (u.conkey))), '[]')
            from pg_constraint u where u.conrelid = c.oid and u.contype in ('p', 'u')))), '{}')
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'),
      'functions', (select coalesce(jsonb_object_agg(p.proname, jsonb_build_object(
          'parameters', (select coalesce(jsonb_object_agg(a.name, format_type(a.type, null)), '{}')
            from unnest(p.proargnames, p.proargtypes::oid[]) as a (name, type)
            where a.type is not null and a.name is not null),
          'table', (select t.relname from pg_class t where t.reltype = p.prorettype),
          'returns_record', p.prorettype = 'record'::regtype,
          'returns_set', p.proretset,
          'variadic', case when p.provariadic <> 0 then p.proargnames[p.pronargs] end,
          'is_volatile', p.provolatile = 'v')), '{}')
        from pg_proc p where p.pronamespace = 'public'::regnamespace),
      'keys', (select coalesce(jsonb_agg(jsonb_build_object(
          'name', k.conname,
          'table', (select relname from pg_class where oid = k.conrelid),
          'columns', (select jsonb_agg(a.attname order by n.place)
            from unnest(k.conkey) with ordinality as n (number, place)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.number),
          'target', (select relname from pg_class where oid = k.confrelid
            and relnamespace = 'public'::regnamespace),
          'target_columns', (select jsonb_agg(a.attname order by n.place)
            from unnest(k.confkey) with ordinality as n (number, place)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = n.number))), '[]')
        from pg_constraint k join pg_class f on f.oid = k.confrelid where k.contype = 'f'
          and k.connamespace = 'public'::regnamespace
          and f.relnamespace = 'public'::regnamespace))::text";

impl Catalog {
    pub async fn read(db: &Database) -> Self {
        serde_json::from_str(&db.strings(READ).await.concat()).unwrap()
    }
}

impl Function {
    /// The names of the arguments select the function.
    pub fn takes(&self, body: Option<&Body>) -> bool {
        let given = body.and_then(|body| body.json.as_object());
        given.is_none_or(|given| given.keys().all(|name| self.parameters.contains_key(name)))
    }
}
