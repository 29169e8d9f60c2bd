//! What `supabase/migrations` says about the tables, as data: columns, keys, policies and grants.
//!
//! Whatever reaches SQL as an identifier comes from here, never from a request.

mod analytics;
mod chats;
mod files;
mod messages;
mod relationships;
mod script_runs;
mod usage_logs;

pub(super) use analytics::ANALYTICS;
pub(super) use chats::CHATS;
pub(super) use files::FILES;
pub(super) use messages::MESSAGES;
pub(super) use relationships::{Relationship, find_relationship};
pub(super) use script_runs::SCRIPT_RUNS;
pub(super) use usage_logs::USAGE_LOGS;

use crate::rest::error::RestError;
use crate::rest::suggest;
use crate::role::Role;

/// Every table of the schema `public`.
pub(super) const TABLES: &[&Table] =
    &[&CHATS, &MESSAGES, &USAGE_LOGS, &ANALYTICS, &FILES, &SCRIPT_RUNS];

/// A policy that lets users reach their own rows.
const OWN_ROW: &str = "(select auth.uid()) = user_id";

/// A table of the schema `public`.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    /// In the order of `create table`; computed columns last.
    pub columns: &'static [Column],
    /// The primary key first.
    pub unique: &'static [Unique],
    pub foreign_keys: &'static [ForeignKey],
    pub policies: Policies,
    pub grants: Grants,
}

/// A column, or a function that PostgREST shows as one.
#[derive(Debug)]
pub(super) struct Column {
    pub name: &'static str,
    pub pg_type: PgType,
    pub nullable: bool,
    pub default: Default,
    /// The body of the function, for a computed column.
    pub computed: Option<&'static str>,
}

/// The PostgreSQL types in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgType {
    Text,
    Uuid,
    Jsonb,
    Boolean,
    #[cfg_attr(not(test), expect(dead_code, reason = "no table has a column of it yet"))]
    Integer,
    Bigint,
    Numeric,
    Timestamptz,
}

/// What a column holds when a row does not say.
#[derive(Clone, Copy, Debug)]
pub(super) enum Default {
    None,
    GenRandomUuid,
    AuthUid,
    ClockTimestamp,
    /// A constant in PostgreSQL's notation, without quotes.
    Literal(&'static str),
}

/// A primary key, unique constraint or unique index.
#[derive(Debug)]
pub(super) struct Unique {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    /// The condition of a partial index, which `on_conflict` cannot name.
    pub predicate: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct ForeignKey {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    /// With its schema where that is not `public`.
    pub references: &'static str,
    pub foreign_columns: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "SQLite does it; a test compares"))]
    pub on_delete: OnDelete,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum OnDelete {
    Cascade,
    SetNull(&'static [&'static str]),
}

/// The policies for the role `authenticated`, word for word; without one nothing is allowed.
#[derive(Debug)]
pub(super) struct Policies {
    pub select_using: Option<&'static str>,
    pub insert_check: Option<&'static str>,
    pub update_using: Option<&'static str>,
    pub update_check: Option<&'static str>,
    pub delete_using: Option<&'static str>,
}

/// The grants to the role `authenticated`. `anon` has none and `service_role` has all.
#[derive(Debug)]
pub(super) struct Grants {
    pub select: bool,
    pub insert: InsertGrant,
    pub update: bool,
    pub delete: bool,
}

#[derive(Debug)]
pub(super) enum InsertGrant {
    AllColumns,
    Columns(&'static [&'static str]),
}

/// What a statement does to a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Privilege<'a> {
    Select,
    /// Names the columns that are given a value.
    Insert(&'a [&'static Column]),
    Update,
    Delete,
}

/// The table of that name.
pub(super) fn find_table(name: &str) -> Result<&'static Table, RestError> {
    TABLES.iter().find(|table| table.name == name).copied().ok_or_else(|| {
        let near = suggest::nearest(name, TABLES.iter().map(|table| table.name));
        RestError::table_not_found(name, near.as_deref())
    })
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
    pub fn require(&self, role: Role, privilege: Privilege<'_>) -> Result<(), RestError> {
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
const fn column(name: &'static str, pg_type: PgType) -> Column {
    Column { name, pg_type, nullable: true, default: Default::None, computed: None }
}

impl Column {
    const fn not_null(self) -> Self {
        Self { nullable: false, ..self }
    }

    const fn default(self, default: Default) -> Self {
        Self { default, ..self }
    }

    const fn computed(self, body: &'static str) -> Self {
        Self { computed: Some(body), ..self }
    }
}

const fn unique(name: &'static str, columns: &'static [&'static str]) -> Unique {
    Unique { name, columns, predicate: None }
}
