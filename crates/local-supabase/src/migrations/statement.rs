//! The statements that the reader knows, as they are written.

use sqlparser::ast::{DataType, Expr, Query};

/// A name with its schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// `public` where the statement does not say.
    pub schema: String,
    /// Its name.
    pub name: String,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `create table`
    CreateTable {
        table: Name,
        if_not_exists: bool,
        columns: Vec<ColumnDef>,
        constraints: Vec<ConstraintDef>,
    },
    /// `alter table`
    AlterTable { table: Name, if_exists: bool, actions: Vec<AlterAction> },
    /// `drop table`
    DropTable { tables: Vec<Name>, if_exists: bool },
    /// `create index`
    CreateIndex(IndexDef),
    /// `drop index`
    DropIndex { indexes: Vec<Name> },
    /// `alter index … rename to`
    RenameIndex { index: Name, to: String },
    /// `create type … as enum`
    CreateEnum { name: Name, labels: Vec<String> },
    /// `alter type … add value`
    AddLabel {
        name: Name,
        label: String,
        before: Option<String>,
        after: Option<String>,
        if_not_exists: bool,
    },
    /// `alter type … rename value`
    RenameLabel { name: Name, from: String, to: String },
    /// `create domain`
    CreateDomain {
        name: Name,
        data_type: DataType,
        not_null: bool,
        default: Option<Expr>,
        checks: Vec<(Option<String>, Expr)>,
    },
    /// `drop type` or `drop domain`
    DropType { names: Vec<Name> },
    /// `create policy`
    CreatePolicy(PolicyDef),
    /// `alter policy`
    AlterPolicy { policy: PolicyDef, rename: Option<String> },
    /// `drop policy`
    DropPolicy { name: String, table: Name, if_exists: bool },
    /// `grant` or `revoke` of tables
    Grant(GrantDef),
    /// `grant` or `revoke` of functions
    GrantFunctions { functions: FunctionsDef, roles: Vec<String>, granted: bool },
    /// `grant` or `revoke` of the use of schemas
    GrantSchemas { schemas: Vec<String>, roles: Vec<String>, granted: bool },
    /// `alter default privileges` for functions
    DefaultExecutors { schema: Option<String>, roles: Vec<String>, granted: bool },
    /// `alter default privileges` for tables
    DefaultPrivileges {
        schema: Option<String>,
        privileges: Vec<PrivilegeDef>,
        roles: Vec<String>,
        granted: bool,
    },
    /// `comment on`
    CommentTable { table: Name, column: Option<String>, text: Option<String> },
    /// `create function`
    CreateFunction(FunctionDef),
    /// `drop function`
    DropFunction { names: Vec<Name> },
    /// `create trigger`
    CreateTrigger(TriggerDef),
    /// `drop trigger`
    DropTrigger { name: String, table: Name },
    /// `create sequence`
    CreateSequence { name: Name, start: i64, increment: i64, if_not_exists: bool },
    /// `insert`, `update` or `delete`
    Data(Box<sqlparser::ast::Statement>),
    /// `do`
    Block,
    /// `create event trigger`
    EventTrigger,
    /// `create view`
    CreateView { name: Name },
    /// A statement that changes nothing here: extensions, owners, settings and so on.
    Ignored,
}

impl Statement {
    /// The table that it makes, changes or protects.
    pub fn table(&self) -> Option<&Name> {
        match self {
            Self::CreateTable { table, .. }
            | Self::AlterTable { table, .. }
            | Self::DropPolicy { table, .. }
            | Self::CommentTable { table, .. }
            | Self::DropTrigger { table, .. } => Some(table),
            Self::CreateIndex(index) => Some(&index.table),
            Self::CreatePolicy(policy) | Self::AlterPolicy { policy, .. } => Some(&policy.table),
            Self::CreateTrigger(trigger) => Some(&trigger.table),
            Self::Grant(GrantDef { tables: TablesDef::Named(names), .. }) => names.first(),
            Self::DropTable { tables, .. } => tables.first(),
            _ => None,
        }
    }
}

/// A column of `create table` or `add column`.
#[derive(Clone, Debug)]
pub struct ColumnDef {
    pub name: String,
    pub data_type: DataType,
    pub not_null: bool,
    pub default: Option<Written>,
    pub generated: Option<GeneratedDef>,
    pub constraints: Vec<ConstraintDef>,
}

/// An expression and how it is written.
#[derive(Clone, Debug)]
pub struct Written {
    pub expr: Box<Expr>,
    pub text: String,
}

/// `generated …`
#[derive(Clone, Debug)]
pub enum GeneratedDef {
    Stored(Written),
    Identity { always: bool, start: i64, increment: i64 },
}

/// A constraint.
#[derive(Clone, Debug)]
pub struct ConstraintDef {
    pub name: Option<String>,
    pub kind: ConstraintKind,
}

/// What a constraint demands.
#[derive(Clone, Debug)]
pub enum ConstraintKind {
    PrimaryKey(Vec<String>),
    Unique {
        columns: Vec<String>,
        nulls_not_distinct: bool,
    },
    ForeignKey {
        columns: Vec<String>,
        table: Name,
        foreign: Vec<String>,
        on_delete: ActionDef,
        on_update: ActionDef,
    },
    Check(Written),
}

/// What a change does to the rows that refer to the changed one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ActionDef {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull(Vec<String>),
    SetDefault(Vec<String>),
}

/// A part of `alter table`.
#[derive(Clone, Debug)]
pub enum AlterAction {
    AddColumn {
        column: Box<ColumnDef>,
        if_not_exists: bool,
    },
    DropColumn {
        column: String,
        if_exists: bool,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTable {
        to: String,
    },
    RenameConstraint {
        from: String,
        to: String,
    },
    SetSchema {
        schema: String,
    },
    SetNotNull {
        column: String,
    },
    DropNotNull {
        column: String,
    },
    SetDefault {
        column: String,
        default: Written,
    },
    DropDefault {
        column: String,
    },
    SetType {
        column: String,
        data_type: DataType,
    },
    AddIdentity {
        column: String,
        always: bool,
    },
    DropIdentity {
        column: String,
    },
    DropExpression {
        column: String,
    },
    AddConstraint(ConstraintDef),
    /// `add constraint … primary key using index`
    AddConstraintUsingIndex {
        name: Option<String>,
        index: String,
        primary: bool,
    },
    DropConstraint {
        name: String,
        if_exists: bool,
    },
    RowSecurity(bool),
    /// `enable trigger` or `disable trigger`
    Trigger {
        enabled: bool,
        name: String,
    },
    /// What makes no difference here: owners, statistics, `validate constraint`, forced row security.
    Nothing,
}

/// `create index`
#[derive(Clone, Debug)]
pub struct IndexDef {
    pub name: Option<String>,
    pub table: Name,
    pub unique: bool,
    pub if_not_exists: bool,
    /// Whether it is a B-tree, the kind that SQLite has.
    pub is_btree: bool,
    pub keys: Vec<IndexKey>,
    pub include: Vec<String>,
    pub nulls_not_distinct: bool,
    pub predicate: Option<Written>,
}

/// A column or expression of an index.
#[derive(Clone, Debug)]
pub struct IndexKey {
    pub expr: Expr,
    pub descending: bool,
}

/// `create policy`, or the changes of `alter policy`.
#[derive(Clone, Debug)]
pub struct PolicyDef {
    pub name: String,
    pub table: Name,
    pub is_permissive: bool,
    /// `None` is all.
    pub command: Option<crate::schema::Command>,
    pub roles: Option<Vec<String>>,
    pub using: Option<Written>,
    pub with_check: Option<Written>,
}

/// `grant` or `revoke` of privileges on tables.
#[derive(Clone, Debug)]
pub struct GrantDef {
    pub granted: bool,
    pub privileges: Vec<PrivilegeDef>,
    pub tables: TablesDef,
    pub roles: Vec<String>,
}

/// Which tables are meant.
#[derive(Clone, Debug)]
pub enum TablesDef {
    Named(Vec<Name>),
    AllInSchema(Vec<String>),
}

/// Which functions are meant.
#[derive(Clone, Debug)]
pub enum FunctionsDef {
    Named(Vec<Name>),
    AllInSchema(Vec<String>),
}

/// A privilege, on the table or on some columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivilegeDef {
    /// In lower case; `all` for all.
    pub name: String,
    pub columns: Option<Vec<String>>,
}

/// `create function`
#[derive(Clone, Debug)]
pub struct FunctionDef {
    pub name: Name,
    pub parameters: Vec<ParameterDef>,
    pub returns: Returns,
    pub language: String,
    pub security_definer: bool,
    pub volatile: bool,
    pub body: FunctionBody,
    /// The whole statement.
    pub text: String,
}

/// A parameter of a function.
#[derive(Clone, Debug)]
pub struct ParameterDef {
    pub name: Option<String>,
    pub data_type: DataType,
    pub default: Option<Expr>,
}

/// What a function returns.
#[derive(Clone, Debug)]
pub enum Returns {
    Trigger,
    Type(DataType),
    /// `setof` with a type.
    SetOf(DataType),
    /// `table`, `out` parameters.
    Other,
}

/// What a function does.
#[derive(Clone, Debug)]
pub enum FunctionBody {
    /// `as '…'`
    Text(String),
    /// `return …`
    Return(Box<Expr>),
    /// A single `select` in `begin atomic … end`.
    Query(Box<Query>),
    /// Anything else.
    Other,
}

/// `create trigger`
#[derive(Clone, Debug)]
pub struct TriggerDef {
    pub name: String,
    pub table: Name,
    pub timing: Timing,
    pub events: Vec<TriggerEvent>,
    pub for_each_row: bool,
    pub when: Option<Expr>,
    pub function: Name,
    pub arguments: Vec<String>,
}

/// When a trigger runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    Before,
    After,
    InsteadOf,
}

/// What fires a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerEvent {
    Insert,
    Update(Vec<String>),
    Delete,
    Truncate,
}
