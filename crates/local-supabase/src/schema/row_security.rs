//! Row-level security: the rows that a role may access.

use super::{Command, Expression, Policy, Table};
use crate::role::Role;

/// The rows that row-level security allows a role to access.
#[derive(Debug)]
pub enum RowSecurity {
    /// All rows: row-level security is off, or does not apply to the role.
    Off,
    /// The rows that meet at least one permissive policy and all restrictive ones; none without a
    /// permissive one.
    Policies {
        /// The permissive policies, of which one must hold.
        permissive: Vec<&'static Expression>,
        /// The restrictive policies, which must all hold, sorted by name: PostgreSQL evaluates them in
        /// this order.
        restrictive: Vec<(&'static str, &'static Expression)>,
    },
}

impl Table {
    /// The rows of the table that a command of this role may see.
    pub fn using(&'static self, role: Role, command: Command) -> RowSecurity {
        self.row_security(role, command, |policy| policy.using.as_ref())
    }

    /// The rows that a command of this role may leave in the table.
    pub fn with_check(&'static self, role: Role, command: Command) -> RowSecurity {
        self.row_security(role, command, |policy| {
            policy.with_check.as_ref().or(policy.using.as_ref())
        })
    }

    fn row_security(
        &'static self,
        role: Role,
        command: Command,
        condition: fn(&'static Policy) -> Option<&'static Expression>,
    ) -> RowSecurity {
        if !self.has_row_security || role == Role::Service {
            return RowSecurity::Off;
        }
        let applies = |policy: &&Policy| {
            policy.commands.contains(&command)
                && policy.roles.iter().any(|name| ["public", role.name()].contains(name))
        };
        let (permissive, mut restrictive): (Vec<&Policy>, Vec<&Policy>) =
            self.policies.iter().filter(applies).partition(|policy| policy.is_permissive);
        restrictive.sort_by_key(|policy| policy.name);
        // One without a condition for this neither lets rows pass nor keeps them back.
        let named = |policy: &'static Policy| Some((policy.name, condition(policy)?));
        RowSecurity::Policies {
            permissive: permissive.into_iter().filter_map(condition).collect(),
            restrictive: restrictive.into_iter().filter_map(named).collect(),
        }
    }
}
