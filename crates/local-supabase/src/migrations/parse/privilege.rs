//! `grant`, `revoke` and `alter default privileges`.

use sqlparser::tokenizer::Token;

use super::parser::Parser;
use crate::migrations::not_understood::Result;
use crate::migrations::statement::{FunctionsDef, GrantDef, PrivilegeDef, Statement, TablesDef};

const OTHERS: &[&str] = &[
    "sequence",
    "all sequences",
    "database",
    "type",
    "language",
    "domain",
    "foreign",
    "large object",
    "all procedures",
    "procedure",
    "tablespace",
    "parameter",
];

pub fn grant(parser: &mut Parser<'_>, granted: bool) -> Result<Statement> {
    parser.words("grant option for");
    let privileges = privileges(parser)?;
    if !parser.word("on") {
        // Membership in a role.
        parser.skip();
        return Ok(Statement::Ignored);
    }
    if parser.word("schema") {
        let is_usage = privileges.iter().any(|p| ["usage", "all"].contains(&p.name.as_str()));
        let schemas = parser.list(Parser::identifier)?;
        let roles = roles(parser, granted)?;
        let schemas = if is_usage { schemas } else { Vec::new() };
        return Ok(Statement::GrantSchemas { schemas, roles, granted });
    }
    if parser.one_of(OTHERS).is_some() {
        parser.skip();
        return Ok(Statement::Ignored);
    }
    if parser.words("all functions in schema") || parser.words("all routines in schema") {
        let schemas = parser.list(Parser::identifier)?;
        let functions = FunctionsDef::AllInSchema(schemas);
        return Ok(Statement::GrantFunctions {
            functions,
            roles: roles(parser, granted)?,
            granted,
        });
    }
    if parser.word("function") || parser.word("routine") {
        let functions = FunctionsDef::Named(parser.list(|parser| {
            let name = parser.name()?;
            parser.skip_parentheses();
            Ok(name)
        })?);
        return Ok(Statement::GrantFunctions {
            functions,
            roles: roles(parser, granted)?,
            granted,
        });
    }
    let tables = if parser.words("all tables in schema") {
        TablesDef::AllInSchema(parser.list(Parser::identifier)?)
    } else {
        parser.word("table");
        TablesDef::Named(parser.list(Parser::name)?)
    };
    let roles = roles(parser, granted)?;
    Ok(Statement::Grant(GrantDef { granted, privileges, tables, roles }))
}

fn privileges(parser: &mut Parser<'_>) -> Result<Vec<PrivilegeDef>> {
    parser.list(|parser| {
        let name = parser.identifier()?;
        if name == "all" {
            parser.word("privileges");
        }
        let has_columns = matches!(parser.tokens.peek_token_ref().token, Token::LParen);
        let columns = if has_columns { Some(parser.identifiers()?) } else { None };
        Ok(PrivilegeDef { name, columns })
    })
}

fn roles(parser: &mut Parser<'_>, granted: bool) -> Result<Vec<String>> {
    parser.expect_words(if granted { "to" } else { "from" })?;
    let roles = parser.roles()?;
    parser.words("with grant option");
    if parser.words("granted by") {
        parser.identifier()?;
    }
    let _ = parser.word("cascade") || parser.word("restrict");
    Ok(roles)
}

pub fn default_privileges(parser: &mut Parser<'_>) -> Result<Statement> {
    // The tables of migrations belong to `postgres`.
    let mut is_ours = true;
    if parser.words("for role") || parser.words("for user") {
        is_ours = parser.roles()?.iter().any(|role| role == "postgres" || role == "current_user");
    }
    let schema = if parser.words("in schema") {
        let mut schemas = parser.list(Parser::identifier)?;
        let public = schemas.iter().position(|schema| schema == "public");
        Some(schemas.swap_remove(public.unwrap_or(0)))
    } else {
        None
    };
    let Some(word) = parser.one_of(&["grant", "revoke"]) else {
        return parser.expected("grant or revoke");
    };
    let granted = word == "grant";
    parser.words("grant option for");
    let privileges = privileges(parser)?;
    parser.expect_words("on")?;
    let kind = parser.one_of(&["tables", "functions", "routines"]);
    let Some(kind) = kind.filter(|_| is_ours) else {
        parser.skip();
        return Ok(Statement::Ignored);
    };
    if kind != "tables" {
        return Ok(Statement::DefaultExecutors { schema, roles: roles(parser, granted)?, granted });
    }
    Ok(Statement::DefaultPrivileges { schema, privileges, roles: roles(parser, granted)?, granted })
}
