//! What the statements so far have made: tables, types, functions. As PostgreSQL's own catalogue,
//! names are those of now; an expression keeps the names that its table had when it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlparser::ast::{DataType, Expr};

use super::registration::Registration;
use super::statement::*;

/// What a table or column is known by, whatever its name.
pub type Id = u64;

/// The state after some statements.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// In the order in which they were made.
    pub tables: Vec<TableState>,
    pub enums: Vec<(Name, Vec<String>)>,
    pub domains: Vec<DomainState>,
    pub functions: Vec<FunctionState>,
    /// Triggers on `auth.users`.
    pub user_triggers: Vec<(TriggerDef, Place)>,
    pub sequences: Vec<SequenceState>,
    /// Whether new objects of `public` are open to the roles of the API by themselves.
    pub exposes: bool,
    /// What roles get on new tables of the schema `public`.
    pub default_privileges: BTreeMap<String, RolePrivileges>,
    /// Who may execute new functions, whatever their schema.
    pub default_executors: BTreeSet<String>,
    /// Who else may execute new functions of `public`.
    pub public_executors: BTreeSet<String>,
    /// Who may use the schema `public`.
    pub users_of_public: BTreeSet<String>,
    /// Whether an event trigger may have changed tables when they were made.
    pub has_event_trigger: bool,
    /// What could not be carried over.
    pub notices: Vec<Notice>,
}

/// Something that is not as it would be on PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file.
    pub file: String,
    /// The line on which the statement begins.
    pub line: usize,
    /// The beginning of the statement.
    pub statement: String,
    /// What is not understood, and what that makes unavailable.
    pub message: String,
}

impl std::fmt::Display for Notice {
    /// One line for whoever starts the server.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:{}: ", self.file, self.line)?;
        }
        write!(f, "{}: {}", self.statement, self.message)
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct TableState {
    pub id: Id,
    pub name: Name,
    pub columns: Vec<ColumnState>,
    pub constraints: Vec<ConstraintState>,
    pub indexes: Vec<IndexState>,
    pub row_security: bool,
    pub policies: Vec<PolicyState>,
    pub triggers: Vec<(TriggerDef, Place)>,
    /// By role; `public` is every role.
    pub privileges: BTreeMap<String, RolePrivileges>,
    pub comment: Option<String>,
    /// Whether a file of the project made it.
    pub is_own: bool,
    /// The file and the line that made it.
    pub made: (String, usize),
    /// Why it cannot be served.
    pub problems: Vec<String>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct ColumnState {
    pub id: Id,
    pub name: String,
    pub data_type: DataType,
    pub not_null: bool,
    pub default: Option<Bound>,
    pub generated: Option<GeneratedState>,
    pub comment: Option<String>,
}

/// How a column's value is made.
#[derive(Clone, Debug)]
pub enum GeneratedState {
    Stored(Bound),
    Identity {
        always: bool,
        sequence: String,
    },
    /// `serial`
    Serial {
        sequence: String,
    },
}

/// An expression, with the names that its table had when it was written.
#[derive(Clone, Debug)]
pub struct Bound {
    pub written: Written,
    pub names: Arc<Names>,
}

/// The names of a table and its columns at some time.
#[derive(Clone, Debug)]
pub struct Names {
    pub table: String,
    pub columns: Vec<(String, Id)>,
}

/// A constraint, whose columns are ids.
#[derive(Clone, Debug)]
pub struct ConstraintState {
    pub name: String,
    pub kind: ConstraintStateKind,
}

/// What a constraint demands.
#[derive(Clone, Debug)]
pub enum ConstraintStateKind {
    PrimaryKey(Vec<Id>),
    Unique { columns: Vec<Id>, nulls_not_distinct: bool },
    ForeignKey { columns: Vec<Id>, target: Target, on_delete: ActionDef, on_update: ActionDef },
    Check(Bound),
}

/// What a foreign key refers to.
#[derive(Clone, Debug)]
pub enum Target {
    /// `auth.users (id)`
    Users,
    /// Columns of a table, by their ids.
    Table { table: Id, columns: Vec<Id> },
}

/// An index.
#[derive(Clone, Debug)]
pub struct IndexState {
    pub name: String,
    pub unique: bool,
    pub keys: Vec<IndexKey>,
    pub include: Vec<String>,
    pub names: Arc<Names>,
    pub nulls_not_distinct: bool,
    pub predicate: Option<Bound>,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct PolicyState {
    pub name: String,
    pub is_permissive: bool,
    pub command: Option<crate::schema::Command>,
    pub roles: Vec<String>,
    pub using: Option<Bound>,
    pub with_check: Option<Bound>,
}

/// File, line and beginning of a statement.
pub type Place = (String, usize, String);

/// A function.
#[derive(Clone, Debug)]
pub struct FunctionState {
    pub def: FunctionDef,
    pub registration: Option<Registration>,
    /// The roles that may execute it.
    pub executors: BTreeSet<String>,
    pub file: String,
    pub line: usize,
    pub head: String,
}

/// A domain.
#[derive(Clone, Debug)]
pub struct DomainState {
    pub name: Name,
    pub data_type: DataType,
    pub not_null: bool,
    pub default: Option<Expr>,
    pub checks: Vec<(String, Expr)>,
}

/// A sequence.
#[derive(Clone, Debug)]
pub struct SequenceState {
    pub name: String,
    pub start: i64,
    pub increment: i64,
}

/// What a role may do with a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePrivileges {
    /// By the name of the privilege.
    pub by_name: BTreeMap<String, PrivilegeState>,
}

/// On what a privilege is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivilegeState {
    pub table: bool,
    /// Columns, by their ids.
    pub columns: BTreeSet<Id>,
}

/// The privileges that mean something here.
pub const PRIVILEGES: &[&str] = &["select", "insert", "update", "delete"];

/// The roles that requests have.
pub const ROLES: &[&str] = &["anon", "authenticated", "service_role"];

impl Catalogue {
    /// A project before its first migration. What it makes in `public` is open to no role of the API
    /// without a grant, unless it `exposes` its tables by itself: then all three roles may use them, but
    /// for row-level security. Functions are everybody's to execute in either case, as PostgreSQL has it.
    pub fn new(exposes: bool) -> Self {
        let exposed = ROLES.iter().filter(|_| exposes).map(|role| (*role).to_owned());
        let default_privileges =
            exposed.clone().map(|role| (role, RolePrivileges::all())).collect();
        Self {
            exposes,
            default_privileges,
            default_executors: ["public".to_owned()].into(),
            public_executors: exposed.collect(),
            users_of_public: ["public"]
                .iter()
                .chain(ROLES)
                .map(|role| (*role).to_owned())
                .collect(),
            ..Self::default()
        }
    }

    pub fn table(&self, name: &Name) -> Option<&TableState> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// Who may execute a function that is made.
    pub fn executors_of_new(&self, name: &Name) -> BTreeSet<String> {
        let mut executors = self.default_executors.clone();
        if name.schema == "public" {
            executors.extend(self.public_executors.iter().cloned());
        }
        executors
    }

    /// Whether a role may execute every function of that name.
    pub fn may_execute(&self, role: &str, name: &Name) -> bool {
        let mut known = self.functions.iter().filter(|function| function.def.name == *name);
        known.all(|function| ["public", role].iter().any(|r| function.executors.contains(*r)))
    }

    pub fn table_by_id(&self, id: Id) -> Option<&TableState> {
        self.tables.iter().find(|table| table.id == id)
    }

    pub fn labels(&self, name: &Name) -> Option<&Vec<String>> {
        self.enums.iter().find(|(known, _)| known == name).map(|(_, labels)| labels)
    }

    pub fn domain(&self, name: &Name) -> Option<&DomainState> {
        self.domains.iter().find(|domain| domain.name == *name)
    }

    /// The functions of that name, however many parameters they have.
    pub fn functions(&self, name: &Name) -> impl Iterator<Item = &FunctionDef> {
        self.functions.iter().map(|function| &function.def).filter(move |def| def.name == *name)
    }
}

impl TableState {
    pub fn new(id: Id, name: Name) -> Self {
        Self {
            id,
            name,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            row_security: false,
            policies: Vec::new(),
            triggers: Vec::new(),
            privileges: BTreeMap::new(),
            comment: None,
            is_own: false,
            made: (String::new(), 0),
            problems: Vec::new(),
        }
    }

    pub fn column(&self, name: &str) -> Option<&ColumnState> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn column_by_id(&self, id: Id) -> Option<&ColumnState> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// The names of columns, which are known to be there.
    pub fn names_of(&self, ids: &[Id]) -> Vec<&str> {
        let name = |id: &Id| self.column_by_id(*id).map(|column| column.name.as_str());
        ids.iter().filter_map(name).collect()
    }

    /// The names of now.
    pub fn names(&self) -> Arc<Names> {
        let columns = self.columns.iter().map(|column| (column.name.clone(), column.id)).collect();
        Arc::new(Names { table: self.name.name.clone(), columns })
    }

    /// Whether a role of the API may do anything with it.
    pub fn is_granted(&self) -> bool {
        let granted = self
            .privileges
            .iter()
            .filter(|(role, _)| ROLES.contains(&role.as_str()) || role.as_str() == "public");
        let mut states = granted.flat_map(|(_, known)| known.by_name.values());
        states.any(|state| state.table || !state.columns.is_empty())
    }

    /// The name of the table in SQLite, which has no schemas.
    pub fn sqlite_name(&self) -> String {
        match self.name.schema.as_str() {
            "public" => self.name.name.clone(),
            schema => format!("{schema}.{}", self.name.name),
        }
    }

    pub fn primary_key(&self) -> Option<&[Id]> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintStateKind::PrimaryKey(columns) => Some(&columns[..]),
            _ => None,
        })
    }

    /// Whether it must not hold null.
    pub fn is_required(&self, column: &ColumnState) -> bool {
        column.not_null
            || matches!(
                column.generated,
                Some(GeneratedState::Identity { .. } | GeneratedState::Serial { .. })
            )
            || self.primary_key().is_some_and(|key| key.contains(&column.id))
    }
}

impl RolePrivileges {
    pub fn all() -> Self {
        let state = PrivilegeState { table: true, columns: BTreeSet::new() };
        Self {
            by_name: PRIVILEGES.iter().map(|name| ((*name).to_owned(), state.clone())).collect(),
        }
    }

    pub fn get(&self, name: &str) -> PrivilegeState {
        self.by_name.get(name).cloned().unwrap_or_default()
    }
}
