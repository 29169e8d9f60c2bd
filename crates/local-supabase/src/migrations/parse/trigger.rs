//! `create trigger`.

use super::parser::Parser;
use crate::migrations::not_understood::Result;
use crate::migrations::statement::{Statement, Timing, TriggerDef, TriggerEvent};

pub fn create(parser: &mut Parser<'_>) -> Result<Statement> {
    let name = parser.identifier()?;
    let timing = match parser.one_of(&["before", "after", "instead of"]) {
        Some("before") => Timing::Before,
        Some("after") => Timing::After,
        Some(_) => Timing::InsteadOf,
        None => return parser.expected("before or after"),
    };
    let mut events = vec![event(parser)?];
    while parser.word("or") {
        events.push(event(parser)?);
    }
    parser.expect_words("on")?;
    let table = parser.name()?;
    if parser.word("from") {
        parser.name()?;
    }
    while parser
        .one_of(&["not deferrable", "deferrable", "initially deferred", "initially immediate"])
        .is_some()
    {}
    if parser.word("referencing") {
        while parser.one_of(&["old table", "new table", "old row", "new row"]).is_some() {
            parser.word("as");
            parser.identifier()?;
        }
    }
    let mut for_each_row = false;
    if parser.word("for") {
        parser.word("each");
        for_each_row = parser.one_of(&["row", "statement"]) == Some("row");
    }
    let when = if parser.word("when") { Some(*parser.parenthesized_written()?.expr) } else { None };
    parser.expect_words("execute")?;
    if parser.one_of(&["function", "procedure"]).is_none() {
        return parser.expected("function");
    }
    let function = parser.name()?;
    parser.expect(&sqlparser::tokenizer::Token::LParen)?;
    let mut arguments = Vec::new();
    while !parser.symbol(&sqlparser::tokenizer::Token::RParen) {
        arguments.push(match parser.text() {
            Ok(text) => text,
            Err(_) => parser.tokens.next_token().to_string(),
        });
        parser.symbol(&sqlparser::tokenizer::Token::Comma);
    }
    Ok(Statement::CreateTrigger(TriggerDef {
        name,
        table,
        timing,
        events,
        for_each_row,
        when,
        function,
        arguments,
    }))
}

fn event(parser: &mut Parser<'_>) -> Result<TriggerEvent> {
    Ok(match parser.one_of(&["insert", "update", "delete", "truncate"]) {
        Some("insert") => TriggerEvent::Insert,
        Some("delete") => TriggerEvent::Delete,
        Some("truncate") => TriggerEvent::Truncate,
        Some(_) if parser.word("of") => TriggerEvent::Update(parser.list(Parser::identifier)?),
        Some(_) => TriggerEvent::Update(Vec::new()),
        None => return parser.expected("an event"),
    })
}
