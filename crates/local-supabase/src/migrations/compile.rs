//! The catalogue as what is served: tables with their policies and grants, and as tables of SQLite.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{DataType, Expr, SelectItem, SetExpr, Value as Constant};

use super::catalogue::*;
use super::ddl::{self, SqliteTable};
use super::expression::inline::{Body, body};
use super::expression::nullable::is_never_null;
use super::expression::{Translator, quote, relation, row_expression};
use super::not_understood::{NotUnderstood, Result, not_understood};
use super::read::sequence_of;
use super::statement::{ActionDef, Name, Returns, TriggerEvent, Written};
use super::trial::Trial;
use super::triggers::{self, Outcome};
use super::types::{leak, object_name};
use crate::schema::{
    Action, Check, Column, Command, Default, Expression, ForeignKey, Fragment, Generated, Granted,
    Grants, PgType, Policy, Refused, RoleGrants, Schema, Table, Unavailable, Unique,
};

/// What a catalogue comes to.
#[derive(Debug)]
pub struct Compiled {
    pub tables: Vec<SqliteTable>,
    pub schema: Schema,
    pub notices: Vec<Notice>,
}

/// Compiles a catalogue. A table that cannot be carried over whole takes those with it that depend on
/// it.
pub fn compile(mut catalogue: Catalogue) -> Compiled {
    if catalogue.has_event_trigger {
        let open = catalogue.tables.iter_mut().filter(|table| !table.is_own && !table.row_security);
        let problem = "an event trigger may have turned on its row-level security";
        open.for_each(|table| table.problems.push(problem.to_owned()));
    }
    loop {
        let (problems, trial) = problems(&catalogue);
        if problems.is_empty() {
            return assemble(&catalogue, trial.as_ref());
        }
        for (at, problem) in problems {
            catalogue.tables[at].problems.push(problem);
        }
    }
}

/// What keeps tables from being carried over, and a database in which all of them are.
fn problems(catalogue: &Catalogue) -> (Vec<(usize, String)>, Option<Trial>) {
    let available = || {
        let tables = catalogue.tables.iter().enumerate();
        tables.filter(|(_, table)| table.problems.is_empty())
    };
    let problems = |check: &dyn Fn(&TableState) -> Result<()>| -> Vec<_> {
        let failed =
            |(at, table): (usize, &TableState)| Some((at, check(table).err()?.to_string()));
        available().filter_map(failed).collect()
    };
    let found = problems(&|state| table(catalogue, state, &mut Vec::new()).map(|_| ()));
    let Ok(trial) = Trial::new() else { return (found, None) };
    if !found.is_empty() {
        return (found, None);
    }
    let found = problems(&|state| trial.table(&ddl::table(catalogue, state)?));
    if !found.is_empty() {
        return (found, None);
    }
    let found = problems(&|state| match state.name.schema.as_str() {
        "public" => trial.expressions(&table(catalogue, state, &mut Vec::new())?),
        _ => Ok(()),
    });
    (found, Some(trial))
}

fn assemble(catalogue: &Catalogue, trial: Option<&Trial>) -> Compiled {
    let mut notices = catalogue.notices.clone();
    let (mut tables, mut served, mut unavailable) = (Vec::new(), Vec::new(), Vec::new());
    for state in &catalogue.tables {
        let is_public = state.name.schema == "public";
        let Ok(mut sqlite) = ddl::table(catalogue, state) else {
            unavailable.extend(is_public.then(|| unavailable_table(state)));
            continue;
        };
        if !state.problems.is_empty() {
            unavailable.extend(is_public.then(|| unavailable_table(state)));
            continue;
        }
        let mut refused = Vec::new();
        for (def, place) in &state.triggers {
            match tried(trial, triggers::trigger(catalogue, Some(state), def)) {
                Outcome::Made(made) => sqlite.triggers.extend(made),
                Outcome::Missing { reason, may_refuse } => {
                    notices.push(missing_trigger(state, def, place, &reason, may_refuse));
                    if may_refuse {
                        let reason = format!("its trigger {} cannot run: {reason}.", def.name);
                        refused.extend(
                            triggers::commands(def)
                                .into_iter()
                                .map(|command| Refused { command, reason: leak(&reason) }),
                        );
                    }
                }
            }
        }
        tables.push(sqlite);
        if is_public {
            match table(catalogue, state, &mut notices) {
                Ok(mut table) => {
                    table.refused = refused.leak();
                    served.push(&*Box::leak(Box::new(table)));
                }
                Err(_) => unavailable.push(unavailable_table(state)),
            }
        }
    }
    for (def, place) in &catalogue.user_triggers {
        match tried(trial, triggers::trigger(catalogue, None, def)) {
            Outcome::Made(made) => {
                tables.push(user_trigger(made));
            }
            Outcome::Missing { reason, may_refuse: true }
                if def.events.contains(&TriggerEvent::Insert) =>
            {
                let message = format!("{reason}; new users, whom it may refuse, are refused");
                notices.push(triggers::notice(place, message));
                tables.push(user_trigger(triggers::refusal(def)));
            }
            Outcome::Missing { reason, .. } => {
                let message = format!("{reason}; it does nothing when users come and go");
                notices.push(triggers::notice(place, message));
            }
        }
    }
    notices.extend(catalogue.tables.iter().filter_map(table_notice));
    notices.extend(open_tables(&served));
    notices.extend(catalogue.tables.iter().filter_map(|state| closed(catalogue, state)));
    notices.extend(catalogue.functions.iter().filter_map(|f| unregistered(catalogue, f)));
    Compiled {
        tables,
        schema: Schema { tables: served.leak(), unavailable: unavailable.leak() },
        notices,
    }
}

/// What becomes of a trigger, if SQLite takes it.
fn tried(trial: Option<&Trial>, outcome: Outcome) -> Outcome {
    let (Some(trial), Outcome::Made(made)) = (trial, &outcome) else { return outcome };
    match made.iter().try_for_each(|trigger| trial.trigger(trigger)) {
        Ok(()) => outcome,
        Err(error) => Outcome::Missing { reason: error.to_string(), may_refuse: true },
    }
}

/// Triggers on users belong to a table that is not the project's.
fn user_trigger(triggers: Vec<triggers::SqliteTrigger>) -> SqliteTable {
    SqliteTable {
        id: 0,
        name: "auth_users".to_owned(),
        create: String::new(),
        columns: Vec::new(),
        indexes: Vec::new(),
        triggers,
    }
}

fn unavailable_table(state: &TableState) -> Unavailable {
    let reason = state.problems.first().map(String::as_str).unwrap_or_default();
    Unavailable { table: leak(&state.name.name), reason: leak(&format!("{reason}.")) }
}

fn table_notice(state: &TableState) -> Option<Notice> {
    let problem = state.problems.first()?;
    let statement = format!("table {}.{}", state.name.schema, state.name.name);
    let message = format!("{problem}; the table is not available");
    Some(Notice { file: String::new(), line: 0, statement, message })
}

fn missing_trigger(
    state: &TableState,
    def: &super::statement::TriggerDef,
    place: &Place,
    reason: &str,
    may_refuse: bool,
) -> Notice {
    let table = &state.name.name;
    let message = if may_refuse {
        let commands: Vec<_> =
            triggers::commands(def).iter().map(|c| c.name().to_lowercase()).collect();
        format!("{reason}; {} on the table {table} is refused", commands.join(" and "))
    } else {
        format!("{reason}; what it does after a change of {table} is missing")
    };
    triggers::notice(place, message)
}

/// Tables that everybody may use.
fn open_tables(served: &[&'static Table]) -> Vec<Notice> {
    let notice = |table: &&'static Table| {
        let who = match &table.grants {
            _ if table.has_row_security => return None,
            grants if grants.anon.is_anything() => "everybody who has the address",
            grants if grants.authenticated.is_anything() => "everybody who signs up",
            _ => return None,
        };
        Some(Notice {
            file: String::new(),
            line: 0,
            statement: format!("table public.{}", table.name),
            message: format!(
                "row-level security is off: {who} may use all of its rows, as on Supabase"
            ),
        })
    };
    served.iter().filter_map(notice).collect()
}

/// A table that no request can reach, because no role of the API may use it.
fn closed(catalogue: &Catalogue, state: &TableState) -> Option<Notice> {
    let is_closed = !state.is_own
        && state.name.schema == "public"
        && state.problems.is_empty()
        && !state.is_granted();
    let (file, line) = state.made.clone();
    let table = format!("public.{}", state.name.name);
    let or_key = match catalogue.exposes {
        true => "",
        false => {
            "; or set auto_expose_new_tables = true under [api] in config.toml, if your project \
             still has it so"
        }
    };
    is_closed.then(|| Notice {
        message: format!(
            "nothing on it is granted to anon, authenticated or service_role, so no request can \
             reach it, as on Supabase. Grant in a migration what each is to have, as in \"grant \
             select, insert, update, delete on {table} to authenticated\"{or_key}"
        ),
        statement: format!("table {table}"),
        file,
        line,
    })
}

/// Functions that requests could call, if somebody had written them in Rust.
fn unregistered(catalogue: &Catalogue, function: &FunctionState) -> Option<Notice> {
    let is_callable = function.def.name.schema == "public"
        && function.registration.is_none()
        && !matches!(function.def.returns, Returns::Trigger)
        && computed_of(catalogue, function).is_none();
    is_callable.then(|| Notice {
        file: function.file.clone(),
        line: function.line,
        statement: function.head.clone(),
        message: format!(
            "functions are not called here unless a policy or trigger uses them; /rpc/{} is not available",
            function.def.name.name
        ),
    })
}

/// The table that a function shows a column of.
fn computed_of<'c>(catalogue: &'c Catalogue, function: &FunctionState) -> Option<&'c TableState> {
    let [parameter] = &function.def.parameters[..] else { return None };
    let DataType::Custom(name, _) = &parameter.data_type else { return None };
    let is_value = matches!(function.def.returns, Returns::Type(_));
    let is_public = function.def.name.schema == "public";
    catalogue.table(&object_name(name).ok()?).filter(|_| is_value && is_public)
}

fn table(catalogue: &Catalogue, state: &TableState, notices: &mut Vec<Notice>) -> Result<Table> {
    let mut columns: Vec<Column> =
        state.columns.iter().map(|c| column(catalogue, state, c)).collect::<Result<_>>()?;
    for function in &catalogue.functions {
        if computed_of(catalogue, function).is_some_and(|table| table.id == state.id) {
            match computed(catalogue, state, function) {
                Ok(column) => columns.push(column),
                Err(error) => notices.push(Notice {
                    file: function.file.clone(),
                    line: function.line,
                    statement: function.head.clone(),
                    message: format!(
                        "{error}; the computed column {} is not available",
                        function.def.name.name
                    ),
                }),
            }
        }
    }
    Ok(Table {
        name: leak(&state.name.name),
        columns: columns.leak(),
        unique: unique(catalogue, state)?.leak(),
        foreign_keys: foreign_keys(catalogue, state)?.leak(),
        checks: checks(catalogue, state)?.leak(),
        has_row_security: state.row_security,
        policies: if state.row_security { policies(catalogue, state)?.leak() } else { &[] },
        grants: grants(catalogue, state),
        refused: &[],
        comment: state.comment.as_deref().map(leak),
    })
}

fn column(catalogue: &Catalogue, state: &TableState, column: &ColumnState) -> Result<Column> {
    let resolved = catalogue.resolve(&column.data_type)?;
    let required =
        state.is_required(column) || resolved.domain.is_some_and(|domain| domain.not_null);
    let pg_type = resolved.pg_type;
    let of_domain = resolved.domain.and_then(|domain| domain.default.as_ref()).map(|expr| Bound {
        written: Written { expr: Box::new(expr.clone()), text: expr.to_string() },
        names: state.names(),
    });
    let bound = column.default.as_ref().or(of_domain.as_ref());
    let mut default =
        bound.map_or(Ok(Default::None), |bound| self::default(catalogue, bound, pg_type))?;
    let generated = match &column.generated {
        None => Generated::No,
        Some(GeneratedState::Stored(bound)) => {
            Generated::Stored(row_expression(catalogue, state, bound, None, pg_type)?)
        }
        Some(GeneratedState::Identity { always, sequence }) => {
            default = Default::Sequence(leak(sequence));
            if *always { Generated::AlwaysIdentity } else { Generated::DefaultIdentity }
        }
        Some(GeneratedState::Serial { sequence }) => {
            default = Default::Sequence(leak(sequence));
            Generated::DefaultIdentity
        }
    };
    Ok(Column {
        name: leak(&column.name),
        pg_type,
        nullable: !required,
        default,
        generated,
        computed: None,
        comment: column.comment.as_deref().map(leak),
    })
}

fn default(catalogue: &Catalogue, bound: &Bound, pg_type: PgType) -> Result<Default> {
    if let Some(sequence) = sequence_of(&bound.written.expr) {
        if !catalogue.sequences.iter().any(|known| known.name == sequence) {
            return not_understood(format!("there is no sequence {sequence}"));
        }
        return Ok(Default::Sequence(leak(&sequence)));
    }
    let mut translator = Translator::new(catalogue);
    let sql = translator.assigned(&bound.written.expr, pg_type)?;
    if sql == "null" {
        return Ok(Default::None);
    }
    Ok(match literal(&bound.written.expr) {
        Some(text) => Default::Literal(leak(&text)),
        None => Default::Expression(translator.finish(&sql, &bound.written.text)),
    })
}

/// The text of a constant, cast or not.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Constant::SingleQuotedString(text) => Some(text.clone()),
            Constant::Number(number, _) => Some(number.clone()),
            Constant::Boolean(value) => Some(value.to_string()),
            _ => None,
        },
        Expr::Cast { expr, .. } => match &**expr {
            Expr::Value(value) => match &value.value {
                Constant::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A function of one row whose body is an expression.
fn computed(catalogue: &Catalogue, state: &TableState, function: &FunctionState) -> Result<Column> {
    let grants = grants(catalogue, state);
    let readers = [
        ("anon", grants.anon),
        ("authenticated", grants.authenticated),
        ("service_role", grants.service_role),
    ];
    let may_execute =
        |role: &str| ["public", role].iter().any(|role| function.executors.contains(*role));
    if readers
        .iter()
        .any(|(role, granted)| granted.select != Granted::Nothing && !may_execute(role))
    {
        return not_understood("not every role that reads the table may execute it");
    }
    let Returns::Type(returns) = &function.def.returns else {
        return not_understood("it returns rows");
    };
    let pg_type = catalogue.resolve(returns)?.pg_type;
    if let Some(words) = function.registration.and_then(|registration| registration.computed) {
        let sqlite = vec![Fragment::Sql(words)].leak();
        let postgres = leak(&function.head);
        return Ok(Column {
            name: leak(&function.def.name.name),
            pg_type,
            nullable: true,
            default: Default::None,
            generated: Generated::No,
            computed: Some(Expression { postgres, sqlite, has_subselect: false }),
            comment: None,
        });
    }
    let body = body(&function.def)?;
    let expr = match &body {
        Body::Expr(expr) => expr,
        Body::Steps { .. } => return not_understood("its body is not one expression"),
        Body::Query(query) => match &*query.body {
            SetExpr::Select(select) if select.from.is_empty() && select.selection.is_none() => {
                match &select.projection[..] {
                    [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => {
                        expr
                    }
                    _ => return not_understood("its body is not one expression"),
                }
            }
            _ => return not_understood("its body is not one expression"),
        },
    };
    let names = state.names();
    let prefix = quote(&state.sqlite_name());
    let mut translator = Translator::new(catalogue);
    let mut row = relation(catalogue, state, &names, Some(&prefix))?;
    if let Some(name) = &function.def.parameters[0].name {
        row.name.clone_from(name);
    }
    translator.scopes[0].relations.push(row);
    translator.sees_all = function.def.security_definer;
    let sql = translator.typed(expr, pg_type)?;
    let text = expr.to_string();
    Ok(Column {
        name: leak(&function.def.name.name),
        pg_type,
        nullable: !is_never_null(expr, state, &names),
        default: Default::None,
        generated: Generated::No,
        computed: Some(translator.finish(&format!("({sql})"), &text)),
        comment: None,
    })
}

fn leaked_names(table: &TableState, ids: &[Id]) -> &'static [&'static str] {
    let names: Vec<_> = table.names_of(ids).into_iter().map(leak).collect();
    names.leak()
}

fn unique(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Unique>> {
    let mut unique: Vec<Unique> = Vec::new();
    for constraint in &state.constraints {
        let (columns, is_primary) = match &constraint.kind {
            ConstraintStateKind::PrimaryKey(columns) => (columns, true),
            ConstraintStateKind::Unique { columns, .. } => (columns, false),
            _ => continue,
        };
        let columns = leaked_names(state, columns);
        let made = Unique {
            name: leak(&constraint.name),
            columns,
            is_primary,
            is_constraint: true,
            predicate: None,
        };
        unique.insert(if is_primary { 0 } else { unique.len() }, made);
    }
    for index in state.indexes.iter().filter(|index| index.unique) {
        let column = |key: &super::statement::IndexKey| match &key.expr {
            Expr::Identifier(ident) => {
                let name = super::parse::fold(&ident.value, ident.quote_style);
                let id = index.names.columns.iter().find(|(known, _)| *known == name)?.1;
                state.column_by_id(id).map(|column| leak(&column.name))
            }
            _ => None,
        };
        let columns: Option<Vec<_>> = index.keys.iter().map(column).collect();
        let predicate = index.predicate.as_ref();
        let predicate =
            predicate.map(|bound| row_expression(catalogue, state, bound, None, PgType::Boolean));
        unique.push(Unique {
            name: leak(&index.name),
            columns: columns.unwrap_or_default().leak(),
            is_primary: false,
            is_constraint: false,
            predicate: predicate.transpose()?,
        });
    }
    Ok(unique)
}

fn foreign_keys(catalogue: &Catalogue, state: &TableState) -> Result<Vec<ForeignKey>> {
    let mut keys = Vec::new();
    for constraint in &state.constraints {
        let ConstraintStateKind::ForeignKey { columns, target, on_delete, on_update } =
            &constraint.kind
        else {
            continue;
        };
        let (references, foreign_columns): (&'static str, &'static [&'static str]) = match target {
            Target::Users => ("auth.users", &["id"]),
            Target::Table { table, columns } => {
                let Some(parent) = catalogue.table_by_id(*table) else {
                    return not_understood("a foreign key refers to a table that is gone");
                };
                (leak(&parent.sqlite_name()), leaked_names(parent, columns))
            }
        };
        keys.push(ForeignKey {
            name: leak(&constraint.name),
            columns: leaked_names(state, columns),
            references,
            foreign_columns,
            on_delete: action(on_delete),
            on_update: action(on_update),
        });
    }
    Ok(keys)
}

fn action(action: &ActionDef) -> Action {
    let leaked = |columns: &[String]| {
        let columns: Vec<_> = columns.iter().map(|column| leak(column)).collect();
        &*columns.leak()
    };
    match action {
        ActionDef::NoAction => Action::NoAction,
        ActionDef::Restrict => Action::Restrict,
        ActionDef::Cascade => Action::Cascade,
        ActionDef::SetNull(columns) => Action::SetNull(leaked(columns)),
        ActionDef::SetDefault(columns) => Action::SetDefault(leaked(columns)),
    }
}

fn checks(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for column in &state.columns {
        let Some(domain) = catalogue.resolve(&column.data_type)?.domain else { continue };
        for (name, expr) in &domain.checks {
            let sql = ddl::domain_check(catalogue, column, expr)?;
            let expression = Translator::new(catalogue).finish(&sql, &expr.to_string());
            checks.push(Check {
                name: leak(name),
                domain: Some(leak(&domain.name.name)),
                expression,
            });
        }
    }
    let mut own = Vec::new();
    for constraint in &state.constraints {
        if let ConstraintStateKind::Check(bound) = &constraint.kind {
            let expression = row_expression(catalogue, state, bound, None, PgType::Boolean)?;
            own.push(Check { name: leak(&constraint.name), domain: None, expression });
        }
    }
    own.sort_by_key(|check| check.name);
    checks.extend(own);
    Ok(checks)
}

fn policies(catalogue: &Catalogue, state: &TableState) -> Result<Vec<Policy>> {
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

fn commands(command: Option<Command>) -> &'static [Command] {
    match command {
        None => Command::ALL,
        Some(Command::Delete) => &[Command::Delete],
        Some(Command::Insert) => &[Command::Insert],
        Some(Command::Select) => &[Command::Select],
        Some(Command::Update) => &[Command::Update],
    }
}

fn grants(catalogue: &Catalogue, state: &TableState) -> Grants {
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
