//! Who may do what with a table: its policies and grants.

use std::collections::{BTreeMap, BTreeSet};

use super::super::catalogue::*;
use super::super::expression::{Translator, quote};
use super::super::not_understood::{NotUnderstood, Result};
use super::super::statement::Name;
use super::super::types::leak;
use super::constraints::leaked_names;
use crate::schema::{Command, Expression, Fragment, Granted, Grants, Policy, RoleGrants};

pub(super) fn policies(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Policy>> {
    let prefix = quote(&state.sqlite_name());
    let condition = |policy: &PolicyState, bound: Option<&Bound>, called: &mut BTreeSet<Name>| {
        let Some(bound) = bound else { return Ok(None) };
        let mut made = || -> Result<Expression> {
            let names = &bound.names;
            let mut translator = Translator::for_row(catalogue, state, names, Some(&prefix))?;
            let sql = translator.condition(&bound.written.expr)?;
            called.append(&mut translator.called);
            Ok(translator.finish(&sql, &bound.written.text))
        };
        made().map(Some).map_err(|error| {
            NotUnderstood(format!("its policy \"{}\" is not understood: {error}", policy.name))
        })
    };
    let mut policies = Vec::new();
    for policy in &state.policies {
        let mut called = BTreeSet::new();
        let mut using = condition(policy, policy.using.as_ref(), &mut called)?;
        let mut with_check = condition(policy, policy.with_check.as_ref(), &mut called)?;
        // PostgreSQL asks it of the policy as a whole.
        let both = [&using, &with_check].into_iter().flatten().any(|e| e.has_subselect);
        using.iter_mut().chain(&mut with_check).for_each(|e| e.has_subselect = both);
        let made = Policy {
            name: leak(&policy.name),
            commands: commands(policy.command),
            roles: leaked_roles(policy.roles.iter().map(String::as_str)),
            is_permissive: policy.is_permissive,
            using,
            with_check,
        };
        policies.extend(by_executor(catalogue, policy, made, &called));
    }
    Ok(policies)
}

fn leaked_roles<'r>(roles: impl Iterator<Item = &'r str>) -> &'static [&'static str] {
    roles.map(leak).collect::<Vec<_>>().leak()
}

/// For roles that may not execute a function of it, a policy is an error.
fn by_executor(
    catalogue: &Catalogue,
    policy: &PolicyState,
    made: Policy,
    called: &BTreeSet<Name>,
) -> Vec<Policy> {
    let applies = |role: &&str| policy.roles.iter().any(|known| known == "public" || known == role);
    let may = |role: &&str| called.iter().all(|name| catalogue.may_execute(role, name));
    let roles = ["anon", "authenticated"].into_iter().filter(applies);
    let (allowed, refused): (Vec<_>, Vec<_>) = roles.partition(may);
    let Some(name) = called.first().filter(|_| !refused.is_empty()) else { return vec![made] };
    let sql = format!("refuse_function('{}')", name.name.replace('\'', "''"));
    let refusal = |expression: Option<Expression>| {
        expression.map(|made| Expression { sqlite: vec![Fragment::Sql(leak(&sql))].leak(), ..made })
    };
    let refusing = Policy {
        roles: leaked_roles(refused.into_iter()),
        using: refusal(made.using),
        with_check: refusal(made.with_check),
        ..made
    };
    vec![Policy { roles: leaked_roles(allowed.into_iter()), ..made }, refusing]
}

pub(super) fn commands(command: Option<Command>) -> &'static [Command] {
    match command {
        None => Command::ALL,
        Some(Command::Delete) => &[Command::Delete],
        Some(Command::Insert) => &[Command::Insert],
        Some(Command::Select) => &[Command::Select],
        Some(Command::Update) => &[Command::Update],
    }
}

pub(super) fn grants(catalogue: &Catalogue, state: &TableState) -> Grants {
    let uses_schema =
        |role: &str| ["public", role].iter().any(|r| catalogue.users_of_public.contains(*r));
    let role = |name: &str| match uses_schema(name) {
        true => role_grants(state, &state.privileges, name),
        false => RoleGrants::NOTHING,
    };
    Grants {
        anon: role("anon"),
        authenticated: role("authenticated"),
        service_role: role("service_role"),
    }
}

fn role_grants(
    state: &TableState,
    privileges: &BTreeMap<String, RolePrivileges>,
    role: &str,
) -> RoleGrants {
    let granted = |privilege: &str| {
        let of =
            |role: &str| privileges.get(role).map(|known| known.get(privilege)).unwrap_or_default();
        let (own, public) = (of(role), of("public"));
        if own.table || public.table {
            return Granted::Table;
        }
        let ids: Vec<Id> = own.columns.union(&public.columns).copied().collect();
        match leaked_names(state, &ids) {
            [] => Granted::Nothing,
            columns => Granted::Columns(columns),
        }
    };
    RoleGrants {
        select: granted("select"),
        insert: granted("insert"),
        update: granted("update"),
        delete: granted("delete") == Granted::Table,
    }
}
