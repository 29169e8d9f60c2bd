//! Row-level security: the rows that a role may see and write.

use super::Expression;

/// The command that a policy applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// `delete`
    Delete,
    /// `insert`
    Insert,
    /// `select`
    Select,
    /// `update`
    Update,
}

impl Command {
    /// All commands.
    pub const ALL: &[Self] = &[Self::Delete, Self::Insert, Self::Select, Self::Update];

    /// The name in upper case, as in PostgreSQL's catalog.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Insert => "INSERT",
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
        }
    }
}

/// A policy, as declared by `create policy`.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    /// The command it applies to; none for all commands.
    pub commands: &'static [Command],
    /// The roles it applies to; `public` stands for every role.
    pub roles: &'static [&'static str],
    /// Whether it is permissive, so that one of several suffices. A restrictive policy must hold in
    /// addition.
    pub is_permissive: bool,
    /// The rows that the command may see.
    pub using: Option<Expression>,
    /// The rows that the command may leave in the table; defaults to `using`.
    pub with_check: Option<Expression>,
}
