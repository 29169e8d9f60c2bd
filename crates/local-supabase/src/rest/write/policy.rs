//! What a write must meet before it is made: privileges on columns, policies and domains.

use crate::rest::error::RestError;
use crate::rest::sql::{self, Proposed};
use crate::rest::table_context::TableContext;
use crate::schema::{Column, Command, Generated, Privilege, RowSecurity};

impl TableContext<'_> {
    /// Refuses values for columns whose values the database makes.
    pub(super) fn refuse_generated(
        &self,
        columns: &[&'static Column],
        is_insert: bool,
    ) -> Result<(), RestError> {
        for column in columns {
            match column.generated {
                Generated::Stored(_) => {
                    return Err(RestError::generated_column(column.name, is_insert));
                }
                Generated::AlwaysIdentity => {
                    return Err(RestError::identity_column(column.name, is_insert));
                }
                Generated::No | Generated::DefaultIdentity => {}
            }
        }
        Ok(())
    }

    /// Refuses to update columns that are not granted.
    pub(super) fn require_update(&self, columns: &[&'static Column]) -> Result<(), RestError> {
        self.table.require(self.session.role, Privilege::Update)?;
        let granted = self.table.granted(self.session.role).update;
        match granted.covers(columns.iter().map(|column| column.name)) {
            true => Ok(()),
            false => Err(RestError::permission_denied("table", self.table.name)),
        }
    }

    /// Refuses rows that a policy forbids. Whoever `reads` the table in the same statement has to be
    /// allowed to see the rows that it leaves.
    pub(super) fn check_policy(
        &self,
        command: Command,
        proposed: Proposed<'_>,
        reads: bool,
    ) -> Result<(), RestError> {
        match self.policy_violation(command, proposed, reads)? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The error for rows that a policy forbids, if there are such.
    pub(super) fn policy_violation(
        &self,
        command: Command,
        proposed: Proposed<'_>,
        reads: bool,
    ) -> Result<Option<RestError>, RestError> {
        let role = self.session.role;
        if self.is_forbidden(self.table.with_check(role, command), proposed)? {
            let violated = self.violated_policy(self.table.with_check(role, command), proposed)?;
            return Ok(Some(RestError::row_security(self.table.name, violated)));
        }
        if reads && self.is_forbidden(self.table.using(role, Command::Select), proposed)? {
            let seen = self.table.using(role, Command::Select);
            let violated = self.violated_policy(seen, proposed)?;
            return Ok(Some(RestError::row_security(self.table.name, violated)));
        }
        Ok(None)
    }

    fn is_forbidden(
        &self,
        security: RowSecurity,
        proposed: Proposed<'_>,
    ) -> Result<bool, RestError> {
        match sql::violates_policy(self.session, security, proposed)? {
            Some(question) => self.query_bool(&question),
            None => Ok(false),
        }
    }

    /// The name of the restrictive policy that the rows do not meet, which PostgreSQL names; of the
    /// others one would have sufficed.
    fn violated_policy(
        &self,
        security: RowSecurity,
        proposed: Proposed<'_>,
    ) -> Result<Option<&'static str>, RestError> {
        let RowSecurity::Policies { permissive, restrictive } = security else { return Ok(None) };
        let others = RowSecurity::Policies { permissive, restrictive: Vec::new() };
        if self.is_forbidden(others, proposed)? {
            return Ok(None);
        }
        for (name, expression) in restrictive {
            let permissive = vec![expression];
            let alone = RowSecurity::Policies { permissive, restrictive: Vec::new() };
            if self.is_forbidden(alone, proposed)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Refuses values that are not of their column's domain.
    pub(super) fn check_domains(&self, proposed: Proposed<'_>) -> Result<(), RestError> {
        for check in self.table.checks {
            let Some(domain) = check.domain else { continue };
            if self.query_bool(&sql::violates_expression(proposed, &check.expression))? {
                return Err(RestError::domain_check(domain, check.name));
            }
        }
        Ok(())
    }
}
