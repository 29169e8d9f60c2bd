//! What a write must meet before it is made: privileges on columns, policies and domains.

use crate::rest::error::RestError;
use crate::rest::sql::{self, Proposed};
use crate::rest::table_context::TableContext;
use crate::schema::{Column, Command, Generated, Privilege};

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
        match self.violates_policy(command, proposed, reads)? {
            true => Err(RestError::row_security(self.table.name)),
            false => Ok(()),
        }
    }

    /// Whether a policy forbids one of the rows.
    pub(super) fn violates_policy(
        &self,
        command: Command,
        proposed: Proposed<'_>,
        reads: bool,
    ) -> Result<bool, RestError> {
        let role = self.session.role;
        let seen = reads.then(|| self.table.using(role, Command::Select));
        for security in [Some(self.table.with_check(role, command)), seen].into_iter().flatten() {
            let question = sql::violates_policy(self.session, security, proposed)?;
            if let Some(question) = question
                && self.query_bool(&question)?
            {
                return Ok(true);
            }
        }
        Ok(false)
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
