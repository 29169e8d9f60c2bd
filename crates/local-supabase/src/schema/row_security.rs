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
        let names: Vec<_> = restrictive.iter().map(|policy| policy.name).collect();
        // A policy without this condition allows every row.
        let conditions = |policies: Vec<&'static Policy>| {
            policies
                .into_iter()
                .map(|policy| condition(policy).unwrap_or(&Expression::TRUE))
                .collect()
        };
        RowSecurity::Policies {
            permissive: conditions(permissive),
            restrictive: names.into_iter().zip(conditions(restrictive)).collect(),
        }
    }
}
