//! `create policy` and `alter policy`.

use super::parser::Parser;
use crate::migrations::not_understood::Result;
use crate::migrations::statement::{PolicyDef, Statement, Written};
use crate::schema::Command;

pub fn create(parser: &mut Parser<'_>) -> Result<Statement> {
    let mut policy = head(parser)?;
    if parser.word("as") {
        policy.is_permissive = match parser.one_of(&["permissive", "restrictive"]) {
            Some(kind) => kind == "permissive",
            None => return parser.expected("permissive or restrictive"),
        };
    }
    if parser.word("for") {
        policy.command = match parser.one_of(&["all", "select", "insert", "update", "delete"]) {
            Some("all") => None,
            Some("select") => Some(Command::Select),
            Some("insert") => Some(Command::Insert),
            Some("update") => Some(Command::Update),
            Some(_) => Some(Command::Delete),
            None => return parser.expected("a command"),
        };
    }
    conditions(parser, &mut policy)?;
    Ok(Statement::CreatePolicy(policy))
}

pub fn alter(parser: &mut Parser<'_>) -> Result<Statement> {
    let mut policy = head(parser)?;
    let rename = if parser.words("rename to") { Some(parser.identifier()?) } else { None };
    conditions(parser, &mut policy)?;
    Ok(Statement::AlterPolicy { policy, rename })
}

fn head(parser: &mut Parser<'_>) -> Result<PolicyDef> {
    let name = parser.identifier()?;
    parser.expect_words("on")?;
    Ok(PolicyDef {
        name,
        table: parser.name()?,
        is_permissive: true,
        command: None,
        roles: None,
        using: None,
        with_check: None,
    })
}

fn conditions(parser: &mut Parser<'_>, policy: &mut PolicyDef) -> Result<()> {
    if parser.word("to") {
        policy.roles = Some(parser.roles()?);
    }
    policy.using = condition(parser, "using")?;
    policy.with_check = condition(parser, "with check")?;
    Ok(())
}

fn condition(parser: &mut Parser<'_>, words: &str) -> Result<Option<Written>> {
    if parser.words(words) { Ok(Some(parser.parenthesized_written()?)) } else { Ok(None) }
}
