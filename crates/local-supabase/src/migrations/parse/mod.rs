//! From the text of a statement to what it says. Where a statement has more than is understood, it is
//! not understood.

mod function;
mod index;
mod parser;
mod policy;
mod privilege;
mod table;
mod trigger;
mod types;

pub use parser::{fold, parse_expr, parse_query, parse_type};

use parser::Parser;

use super::not_understood::{Result, not_understood};
use super::statement::{Name, Statement};

/// Reads one statement.
pub fn parse(text: &str) -> Result<Statement> {
    // Its body may be of any language.
    if is_block(text) {
        return Ok(Statement::Block);
    }
    let mut parser = Parser::new(text)?;
    let statement = statement(&mut parser, text)?;
    parser.end()?;
    Ok(statement)
}

/// Whether it is a `do` block.
fn is_block(text: &str) -> bool {
    let rest = text.get(..2).filter(|word| word.eq_ignore_ascii_case("do")).map(|_| &text[2..]);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '$' || c == '\''))
}

/// Statements that change nothing that the local Supabase has.
const IGNORED: &[&str] = &[
    "begin",
    "commit",
    "start transaction",
    "set",
    "reset",
    "notify",
    "analyze",
    "vacuum",
    "select",
    "create extension",
    "drop extension",
    "alter extension",
    "create schema",
    "drop schema",
    "alter schema",
    "alter function",
    "alter procedure",
    "alter sequence",
    "alter publication",
    "create publication",
    "drop publication",
    "alter role",
    "comment",
    "reassign owned",
    "lock",
    "alter type",
    "alter domain",
    "alter view",
    "alter database",
    "create role",
    "cluster",
    "refresh materialized view",
    "copy",
    "security label",
    "explain",
    "create statistics",
];

fn statement(parser: &mut Parser<'_>, text: &str) -> Result<Statement> {
    if parser.is_word("insert") || parser.is_word("update") || parser.is_word("delete") {
        return Ok(Statement::Data(Box::new(parser.tokens.parse_statement()?)));
    }
    if parser.words("comment on") {
        return comment(parser);
    }
    if parser.word("grant") {
        return privilege::grant(parser, true);
    }
    if parser.word("revoke") {
        return privilege::grant(parser, false);
    }
    if parser.words("alter default privileges") {
        return privilege::default_privileges(parser);
    }
    if parser.words("alter table") {
        return table::alter(parser);
    }
    if parser.words("alter policy") {
        return policy::alter(parser);
    }
    if parser.words("alter index") {
        return index::alter(parser);
    }
    if parser.words("alter type") {
        return types::alter(parser);
    }
    if parser.word("drop") {
        return drop(parser);
    }
    if parser.word("create") {
        return create(parser, text);
    }
    ignored(parser)
}

fn ignored(parser: &mut Parser<'_>) -> Result<Statement> {
    if IGNORED.iter().any(|words| parser.words(words)) {
        parser.skip();
        return Ok(Statement::Ignored);
    }
    not_understood("its kind is not known")
}

fn create(parser: &mut Parser<'_>, text: &str) -> Result<Statement> {
    let replace = parser.words("or replace");
    let unique = parser.word("unique");
    if parser.word("index") {
        return index::create(parser, unique);
    }
    if parser.word("policy") {
        return policy::create(parser);
    }
    if parser.word("function") {
        return function::create(parser, text);
    }
    if parser.words("event trigger") {
        parser.skip();
        return Ok(Statement::EventTrigger);
    }
    if parser.word("trigger") || parser.words("constraint trigger") {
        return trigger::create(parser);
    }
    if parser.word("type") {
        return types::create_type(parser);
    }
    if parser.word("domain") {
        return types::create_domain(parser);
    }
    if parser.word("sequence") {
        return types::create_sequence(parser);
    }
    if parser.words("materialized view") || parser.words("recursive view") || parser.word("view") {
        parser.words("if not exists");
        let name = parser.name()?;
        parser.skip();
        return Ok(Statement::CreateView { name });
    }
    parser.word("unlogged");
    if parser.word("table") {
        return table::create(parser);
    }
    if !replace
        && !unique
        && parser.one_of(&["extension", "schema", "publication", "role", "statistics"]).is_some()
    {
        parser.skip();
        return Ok(Statement::Ignored);
    }
    not_understood("its kind is not known")
}

fn drop(parser: &mut Parser<'_>) -> Result<Statement> {
    let kinds = [
        "table",
        "index",
        "policy",
        "trigger",
        "function",
        "type",
        "domain",
        "view",
        "materialized view",
        "extension",
        "schema",
        "publication",
        "sequence",
        "role",
        "routine",
        "procedure",
    ];
    let Some(kind) = parser.one_of(&kinds) else { return not_understood("its kind is not known") };
    parser.word("concurrently");
    let if_exists = parser.words("if exists");
    let statement = match kind {
        "table" => Statement::DropTable { tables: parser.list(Parser::name)?, if_exists },
        "index" => Statement::DropIndex { indexes: parser.list(Parser::name)? },
        "policy" | "trigger" => {
            let name = parser.identifier()?;
            parser.expect_words("on")?;
            let table = parser.name()?;
            if kind == "policy" {
                Statement::DropPolicy { name, table, if_exists }
            } else {
                Statement::DropTrigger { name, table }
            }
        }
        "function" => Statement::DropFunction {
            names: parser.list(|parser| {
                let name = parser.name()?;
                parser.skip_parentheses();
                Ok(name)
            })?,
        },
        "type" | "domain" => Statement::DropType { names: parser.list(Parser::name)? },
        _ => {
            parser.skip();
            Statement::Ignored
        }
    };
    let _ = parser.word("cascade") || parser.word("restrict");
    Ok(statement)
}

fn comment(parser: &mut Parser<'_>) -> Result<Statement> {
    let kind = parser.one_of(&["table", "column"]);
    let Some(kind) = kind else {
        parser.skip();
        return Ok(Statement::Ignored);
    };
    let mut names = vec![parser.identifier()?];
    while parser.symbol(&sqlparser::tokenizer::Token::Period) {
        names.push(parser.identifier()?);
    }
    let column = if kind == "column" { names.pop() } else { None };
    let name = names.pop().unwrap_or_default();
    let schema = names.pop().unwrap_or_else(|| "public".to_owned());
    parser.expect_words("is")?;
    let text = if parser.word("null") { None } else { Some(parser.text()?) };
    Ok(Statement::CommentTable { table: Name { schema, name }, column, text })
}
