//! Enums, domains and sequences.

use super::parser::Parser;
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::Statement;

pub fn create_type(parser: &mut Parser<'_>) -> Result<Statement> {
    let name = parser.name()?;
    if !parser.words("as enum") {
        return not_understood("only types that are enums are implemented");
    }
    Ok(Statement::CreateEnum { name, labels: parser.parenthesized(Parser::text)? })
}

pub fn alter(parser: &mut Parser<'_>) -> Result<Statement> {
    let name = parser.name()?;
    if parser.words("add value") {
        let if_not_exists = parser.words("if not exists");
        let label = parser.text()?;
        let before = if parser.word("before") { Some(parser.text()?) } else { None };
        let after = if parser.word("after") { Some(parser.text()?) } else { None };
        return Ok(Statement::AddLabel { name, label, before, after, if_not_exists });
    }
    if parser.words("rename value") {
        let from = parser.text()?;
        parser.expect_words("to")?;
        return Ok(Statement::RenameLabel { name, from, to: parser.text()? });
    }
    if parser.words("owner to") {
        parser.identifier()?;
        return Ok(Statement::Ignored);
    }
    not_understood("this change of a type is not implemented")
}

pub fn create_domain(parser: &mut Parser<'_>) -> Result<Statement> {
    let name = parser.name()?;
    parser.word("as");
    let data_type = parser.data_type()?;
    let (mut not_null, mut default, mut checks) = (false, None, Vec::new());
    while !parser.is_at_end() {
        if parser.words("not null") {
            not_null = true;
        } else if parser.word("default") {
            default = Some(parser.default_expr()?);
        } else if !parser.word("null") {
            let label = if parser.word("constraint") { Some(parser.identifier()?) } else { None };
            parser.expect_words("check")?;
            checks.push((label, *parser.parenthesized_written()?.expr));
        }
    }
    Ok(Statement::CreateDomain { name, data_type, not_null, default, checks })
}

pub fn create_sequence(parser: &mut Parser<'_>) -> Result<Statement> {
    let if_not_exists = parser.words("if not exists");
    let name = parser.name()?;
    let (start, increment) = sequence_options(parser, false)?;
    Ok(Statement::CreateSequence { name, start, increment, if_not_exists })
}

/// Where a sequence starts and its steps; in parentheses, if at all, after `identity`.
pub fn sequence_options(parser: &mut Parser<'_>, parenthesized: bool) -> Result<(i64, i64)> {
    use sqlparser::tokenizer::Token;
    let (mut start, mut increment) = (1, 1);
    if parenthesized && !parser.symbol(&Token::LParen) {
        return Ok((start, increment));
    }
    loop {
        if parser.words("start with") || parser.word("start") {
            start = parser.integer()?;
        } else if parser.words("increment by") || parser.word("increment") {
            increment = parser.integer()?;
        } else if parser.word("minvalue") || parser.word("maxvalue") || parser.word("cache") {
            parser.integer()?;
        } else if parser.words("sequence name") || parser.words("owned by") {
            parser.name()?;
            if parser.symbol(&Token::Period) {
                parser.identifier()?;
            }
        } else if parser.word("as") {
            parser.data_type()?;
        } else if parser.one_of(&["no minvalue", "no maxvalue", "no cycle"]).is_none() {
            break;
        }
    }
    if parenthesized {
        parser.expect(&Token::RParen)?;
    }
    Ok((start, increment))
}
