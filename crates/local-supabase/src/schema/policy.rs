//! Row-level security: which rows a role sees and may write.

use super::Expression;

/// What a policy is for.
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
    /// Each of them.
    pub const ALL: &[Self] = &[Self::Delete, Self::Insert, Self::Select, Self::Update];

    /// In capitals, as PostgreSQL's catalogue has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Insert => "INSERT",
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
        }
    }
}

/// What `create policy` says.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    /// One command, or all.
    pub commands: &'static [Command],
    /// `public` stands for every role.
    pub roles: &'static [&'static str],
    /// Whether one of several suffices; a restrictive one must hold besides.
    pub is_permissive: bool,
    /// Which rows it lets the command see.
    pub using: Option<Expression>,
    /// Which rows it lets the command leave; `using` where it does not say.
    pub with_check: Option<Expression>,
}
