//! Policies and privileges.

use std::collections::BTreeSet;

use super::{At, Failure, Reader};
use crate::migrations::catalogue::{
    Bound, Id, PRIVILEGES, PolicyState, RolePrivileges, TableState,
};
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::*;

impl Reader<'_> {
    pub(super) fn create_policy(
        &mut self,
        policy: PolicyDef,
        at: &At<'_>,
    ) -> std::result::Result<(), Failure> {
        if self.is_registered(at) {
            return Ok(());
        }
        if policy.table.schema == "storage" {
            return Err(Failure(
                "policies of Storage are not carried over".into(),
                Some(
                    "users reach the objects below a folder of their own id, and public buckets"
                        .to_owned(),
                ),
            ));
        }
        let table = self.table_mut(&policy.table)?;
        if table.policies.iter().any(|known| known.name == policy.name) {
            let reason = format!("there is a policy \"{}\" already", policy.name);
            return Err(Failure(reason.as_str().into(), None));
        }
        let names = table.names();
        let bind = |written| Bound { written, names: names.clone() };
        table.policies.push(PolicyState {
            name: policy.name,
            is_permissive: policy.is_permissive,
            command: policy.command,
            roles: policy.roles.unwrap_or_else(|| vec!["public".to_owned()]),
            using: policy.using.map(bind),
            with_check: policy.with_check.map(bind),
        });
        Ok(())
    }

    pub(super) fn alter_policy(&mut self, policy: PolicyDef, rename: Option<String>) -> Result<()> {
        if policy.table.schema == "storage" {
            return Ok(());
        }
        let table = self.table_mut(&policy.table)?;
        let names = table.names();
        let bind = |written| Bound { written, names: names.clone() };
        let Some(known) = table.policies.iter_mut().find(|known| known.name == policy.name) else {
            return not_understood(format!("there is no policy \"{}\"", policy.name));
        };
        if let Some(name) = rename {
            known.name = name;
        }
        if let Some(roles) = policy.roles {
            known.roles = roles;
        }
        if let Some(using) = policy.using {
            known.using = Some(bind(using));
        }
        if let Some(with_check) = policy.with_check {
            known.with_check = Some(bind(with_check));
        }
        Ok(())
    }

    pub(super) fn drop_policy(&mut self, name: &str, table: &Name, if_exists: bool) -> Result<()> {
        if table.schema == "storage" {
            return Ok(());
        }
        let table = match self.table_mut(table) {
            Err(_) if if_exists => return Ok(()),
            table => table?,
        };
        let before = table.policies.len();
        table.policies.retain(|policy| policy.name != name);
        if table.policies.len() == before && !if_exists {
            return not_understood(format!("there is no policy \"{name}\""));
        }
        Ok(())
    }

    pub(super) fn grant(&mut self, grant: &GrantDef) -> Result<()> {
        let tables: Vec<Name> = match &grant.tables {
            TablesDef::Named(names) => names.clone(),
            TablesDef::AllInSchema(schemas) => {
                let tables = self.catalogue.tables.iter();
                let within = tables.filter(|table| schemas.contains(&table.name.schema));
                within.map(|table| table.name.clone()).collect()
            }
        };
        for name in tables.iter().filter(|name| name.schema != "storage" && name.schema != "auth") {
            let table = self.table_mut(name)?;
            for role in &grant.roles {
                for privilege in &grant.privileges {
                    change(table, role, privilege, grant.granted)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn grant_functions(
        &mut self,
        functions: &FunctionsDef,
        roles: &[String],
        granted: bool,
    ) {
        let is_meant = |name: &Name| match functions {
            FunctionsDef::Named(names) => names.contains(name),
            FunctionsDef::AllInSchema(schemas) => schemas.contains(&name.schema),
        };
        let known = self.catalogue.functions.iter_mut();
        for function in known.filter(|function| is_meant(&function.def.name)) {
            change_roles(&mut function.executors, roles, granted);
        }
    }

    /// What is said of one schema comes on top of what holds for all: it cannot take that away.
    pub(super) fn default_executors(
        &mut self,
        schema: Option<&str>,
        roles: &[String],
        granted: bool,
    ) {
        match schema {
            None => change_roles(&mut self.catalogue.default_executors, roles, granted),
            Some("public") => change_roles(&mut self.catalogue.public_executors, roles, granted),
            Some(_) => {}
        }
    }

    /// Without the use of `public`, a role reaches none of its tables.
    pub(super) fn grant_schemas(&mut self, schemas: &[String], roles: &[String], granted: bool) {
        if schemas.iter().any(|schema| schema == "public") {
            change_roles(&mut self.catalogue.users_of_public, roles, granted);
        }
    }

    pub(super) fn default_privileges(
        &mut self,
        schema: Option<&str>,
        privileges: &[PrivilegeDef],
        roles: &[String],
        granted: bool,
    ) {
        // Only those of `public` say anything about tables that are served.
        if schema.is_some_and(|schema| schema != "public") {
            return;
        }
        for role in roles {
            let known = self.catalogue.default_privileges.entry(role.clone()).or_default();
            for name in privileges.iter().flat_map(names) {
                known.by_name.entry(name.to_owned()).or_default().table = granted;
            }
        }
    }
}

fn change_roles(known: &mut BTreeSet<String>, roles: &[String], granted: bool) {
    for role in roles {
        if granted {
            known.insert(role.clone());
        } else {
            known.remove(role);
        }
    }
}

/// The privileges that a word of a grant means.
fn names(privilege: &PrivilegeDef) -> Vec<&'static str> {
    let is_meant = |name: &&&str| privilege.name == "all" || privilege.name == ***name;
    PRIVILEGES.iter().filter(is_meant).copied().collect()
}

fn change(
    table: &mut TableState,
    role: &str,
    privilege: &PrivilegeDef,
    granted: bool,
) -> Result<()> {
    let columns: Option<BTreeSet<Id>> = match &privilege.columns {
        None => None,
        Some(columns) => {
            let id = |name: &String| match table.column(name) {
                Some(column) => Ok(column.id),
                None => not_understood(format!("there is no column {name}")),
            };
            Some(columns.iter().map(id).collect::<Result<_>>()?)
        }
    };
    let known: &mut RolePrivileges = table.privileges.entry(role.to_owned()).or_default();
    for name in names(privilege) {
        let state = known.by_name.entry(name.to_owned()).or_default();
        match (&columns, granted) {
            (None, true) => state.table = true,
            // What was granted on columns goes with it.
            (None, false) => *state = crate::migrations::catalogue::PrivilegeState::default(),
            (Some(columns), true) => state.columns.extend(columns),
            (Some(columns), false) => state.columns.retain(|column| !columns.contains(column)),
        }
    }
    Ok(())
}
