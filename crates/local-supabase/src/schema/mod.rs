//! What the tables of a project are, as data: columns, keys, policies and grants.
//!
//! Whatever reaches SQL as an identifier comes from here, never from a request.

mod relationships;

pub(crate) use relationships::Relationship;

use crate::rest::error::RestError;
use crate::rest::suggest;
use crate::role::Role;

/// The tables of every project.
pub(crate) const SYSTEM: &str = include_str!("system.sql");

/// The schema `public` of a project. It lives as long as the process.
#[derive(Debug)]
pub struct Schema {
    /// SQL for SQLite that makes the tables, in the order it grew. Each is applied once.
    pub migrations: &'static [&'static str],
    /// What the tables are.
    pub tables: &'static [&'static Table],
}

/// A table of the schema `public`.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// In the order of `create table`; computed columns last.
    pub columns: &'static [Column],
    /// The primary key first.
    pub unique: &'static [Unique],
    /// In the order in which they were made.
    pub foreign_keys: &'static [ForeignKey],
    /// Who sees and writes which rows.
    pub policies: Policies,
    /// What is granted at all.
    pub grants: Grants,
}

/// A column, or a function that PostgREST shows as one.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type in PostgreSQL. SQLite holds uuid, text and jsonb as text, timestamptz as microseconds since
    /// 1970, boolean as 0 or 1.
    pub pg_type: PgType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it holds when a row does not say.
    pub default: Default,
    /// The body of the function, for a computed column.
    pub computed: Option<&'static str>,
}

/// The PostgreSQL types in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgType {
    /// `text`
    Text,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Jsonb,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `bigint`
    Bigint,
    /// `numeric`
    Numeric,
    /// `timestamp with time zone`
    Timestamptz,
}

/// What a column holds when a row does not say.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// Null.
    None,
    /// `gen_random_uuid()`
    GenRandomUuid,
    /// `auth.uid()`
    AuthUid,
    /// `clock_timestamp()`
    ClockTimestamp,
    /// A constant in PostgreSQL's notation, without quotes.
    Literal(&'static str),
}

/// A primary key, unique constraint or unique index.
#[derive(Debug)]
pub struct Unique {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// The condition of a partial index, which `on_conflict` cannot name.
    pub predicate: Option<&'static str>,
}

/// A foreign key.
#[derive(Debug)]
pub struct ForeignKey {
    /// Its name.
    pub name: &'static str,
    /// The columns that refer.
    pub columns: &'static [&'static str],
    /// With its schema where that is not `public`.
    pub references: &'static str,
    /// The columns that are referred to.
    pub foreign_columns: &'static [&'static str],
    /// What becomes of the row when the one that it refers to is deleted. SQLite does it; this
    /// describes it.
    pub on_delete: OnDelete,
}

/// What a deletion does to the rows that refer to the deleted one.
#[derive(Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// They are deleted.
    Cascade,
    /// These columns become null.
    SetNull(&'static [&'static str]),
}

/// The policies for the role `authenticated`, word for word; without one nothing is allowed.
#[derive(Debug)]
pub struct Policies {
    /// `for select using`
    pub select_using: Option<&'static str>,
    /// `for insert with check`
    pub insert_check: Option<&'static str>,
    /// `for update using`
    pub update_using: Option<&'static str>,
    /// `for update with check`
    pub update_check: Option<&'static str>,
    /// `for delete using`
    pub delete_using: Option<&'static str>,
}

/// The grants to the role `authenticated`. `anon` has none and `service_role` has all.
#[derive(Debug)]
pub struct Grants {
    /// Whether rows may be read.
    pub select: bool,
    /// What may be inserted.
    pub insert: InsertGrant,
    /// Whether rows may be updated.
    pub update: bool,
    /// Whether rows may be deleted.
    pub delete: bool,
}

/// A grant of `insert`.
#[derive(Debug)]
pub enum InsertGrant {
    /// On the whole table.
    AllColumns,
    /// On these columns.
    Columns(&'static [&'static str]),
}

/// What a statement does to a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Privilege<'a> {
    Select,
    /// Names the columns that are given a value.
    Insert(&'a [&'static Column]),
    Update,
    Delete,
}

impl Schema {
    /// The table of that name.
    pub(crate) fn table(&self, name: &str) -> Result<&'static Table, RestError> {
        self.tables.iter().find(|table| table.name == name).copied().ok_or_else(|| {
            let near = suggest::nearest(name, self.tables.iter().map(|table| table.name));
            RestError::table_not_found(name, near.as_deref())
        })
    }
}

impl Table {
    /// A column by its name, computed or not.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that `*` stands for.
    pub fn stored_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.computed.is_none())
    }

    /// The columns of the primary key.
    pub fn primary_key(&self) -> &'static [&'static str] {
        self.unique[0].columns
    }

    /// Refuses what was not granted.
    pub(crate) fn require(&self, role: Role, privilege: Privilege<'_>) -> Result<(), RestError> {
        let granted = match role {
            Role::Service => true,
            Role::Anon => false,
            Role::Authenticated { .. } => self.grants.allow(privilege),
        };
        if granted { Ok(()) } else { Err(RestError::permission_denied("table", self.name)) }
    }
}

impl Grants {
    fn allow(&self, privilege: Privilege<'_>) -> bool {
        match (privilege, &self.insert) {
            (Privilege::Select, _) => self.select,
            (Privilege::Update, _) => self.update,
            (Privilege::Delete, _) => self.delete,
            (Privilege::Insert(_), InsertGrant::AllColumns) => true,
            (Privilege::Insert(columns), InsertGrant::Columns(granted)) => {
                columns.iter().all(|column| granted.contains(&column.name))
            }
        }
    }
}

impl ForeignKey {
    /// The referenced table without its schema, as error messages name it.
    pub fn foreign_table(&self) -> &'static str {
        self.references.rsplit('.').next().unwrap_or(self.references)
    }

    /// The referenced table's name in SQLite, which has no schemas.
    pub fn sqlite_table(&self) -> &'static str {
        if self.references == "auth.users" { "auth_users" } else { self.references }
    }
}

impl PgType {
    /// The name that PostgreSQL prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Jsonb => "jsonb",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Numeric => "numeric",
            Self::Timestamptz => "timestamp with time zone",
        }
    }
}

/// A nullable column without a default.
pub const fn column(name: &'static str, pg_type: PgType) -> Column {
    Column { name, pg_type, nullable: true, default: Default::None, computed: None }
}

impl Column {
    /// The same, not null.
    pub const fn not_null(self) -> Self {
        Self { nullable: false, ..self }
    }

    /// The same with a default.
    pub const fn default(self, default: Default) -> Self {
        Self { default, ..self }
    }

    /// The same as a function of the row, of which this is the body.
    pub const fn computed(self, body: &'static str) -> Self {
        Self { computed: Some(body), ..self }
    }
}

/// A unique constraint without a condition.
pub const fn unique(name: &'static str, columns: &'static [&'static str]) -> Unique {
    Unique { name, columns, predicate: None }
}
