//! `create function`.

use sqlparser::tokenizer::Token;

use super::parser::Parser;
use crate::migrations::not_understood::Result;
use crate::migrations::statement::{FunctionBody, FunctionDef, ParameterDef, Returns, Statement};

pub fn create(parser: &mut Parser<'_>, text: &str) -> Result<Statement> {
    let name = parser.name()?;
    let (parameters, has_out) = parameters(parser)?;
    let returns = if parser.word("returns") { returns(parser)? } else { Returns::Other };
    let mut function = FunctionDef {
        name,
        parameters,
        returns: if has_out { Returns::Other } else { returns },
        language: "sql".to_owned(),
        security_definer: false,
        volatile: true,
        body: FunctionBody::Other,
        text: text.to_owned(),
    };
    while option(parser, &mut function)? {}
    Ok(Statement::CreateFunction(function))
}

fn parameters(parser: &mut Parser<'_>) -> Result<(Vec<ParameterDef>, bool)> {
    let (mut parameters, mut has_out) = (Vec::new(), false);
    parser.expect(&Token::LParen)?;
    while !parser.symbol(&Token::RParen) {
        has_out |= parser.one_of(&["inout", "out", "variadic"]).is_some();
        parser.word("in");
        parameters.push(parameter(parser)?);
        if !parser.symbol(&Token::Comma) {
            parser.expect(&Token::RParen)?;
            break;
        }
    }
    Ok((parameters, has_out))
}

/// `name type default value`, or the type alone.
fn parameter(parser: &mut Parser<'_>) -> Result<ParameterDef> {
    let ends = |token: &Token| {
        matches!(
            token,
            Token::Comma
                | Token::RParen
                | Token::Period
                | Token::LBracket
                | Token::LParen
                | Token::Eq
        )
    };
    let is_type_alone = ends(&parser.tokens.peek_nth_token_ref(1).token)
        || matches!(&parser.tokens.peek_nth_token_ref(1).token, Token::Word(word)
            if ["default", "precision", "varying", "with", "without"]
                .iter().any(|other| word.value.eq_ignore_ascii_case(other)));
    let name = if is_type_alone { None } else { Some(parser.identifier()?) };
    let data_type = parser.data_type()?;
    let has_default = parser.word("default") || parser.symbol(&Token::Eq);
    let default = if has_default { Some(parser.expr()?) } else { None };
    Ok(ParameterDef { name, data_type, default })
}

fn returns(parser: &mut Parser<'_>) -> Result<Returns> {
    if parser.word("trigger") || parser.word("event_trigger") {
        return Ok(Returns::Trigger);
    }
    if parser.word("setof") {
        return Ok(Returns::SetOf(parser.data_type()?));
    }
    if parser.word("table") {
        parser.skip_parentheses();
        return Ok(Returns::Other);
    }
    let data_type = parser.data_type()?;
    Ok(match data_type.to_string().trim_matches('"') {
        "trigger" => Returns::Trigger,
        _ => Returns::Type(data_type),
    })
}

fn option(parser: &mut Parser<'_>, function: &mut FunctionDef) -> Result<bool> {
    let words = [
        "immutable",
        "stable",
        "strict",
        "returns null on null input",
        "called on null input",
        "security invoker",
        "not leakproof",
        "leakproof",
        "window",
    ];
    if let Some(word) = parser.one_of(&words) {
        function.volatile &= !matches!(word, "immutable" | "stable");
    } else if parser.word("volatile") {
        function.volatile = true;
    } else if parser.words("external security definer") || parser.words("security definer") {
        function.security_definer = true;
    } else if parser.word("language") {
        function.language = match parser.text() {
            Ok(text) => text.to_lowercase(),
            Err(_) => parser.identifier()?,
        };
    } else if parser.word("parallel") || parser.word("cost") || parser.word("rows") {
        parser.tokens.next_token();
    } else if parser.word("set") {
        setting(parser)?;
    } else if parser.word("as") {
        function.body = FunctionBody::Text(parser.text()?);
    } else if parser.word("return") {
        function.body = FunctionBody::Return(Box::new(parser.expr()?));
    } else if parser.words("begin atomic") {
        function.body = atomic(parser);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `name = value, …` or `name to value`
fn setting(parser: &mut Parser<'_>) -> Result<()> {
    parser.name()?;
    if !parser.symbol(&Token::Eq) {
        parser.expect_words("to")?;
    }
    parser.list(|parser| {
        parser.tokens.next_token();
        Ok(())
    })?;
    Ok(())
}

/// A single `select`; more than one is for who registers the function.
fn atomic(parser: &mut Parser<'_>) -> FunctionBody {
    let query = parser.query();
    let single = query
        .ok()
        .filter(|_| parser.symbol(&Token::SemiColon) && parser.word("end") && parser.is_at_end());
    parser.skip();
    single.map_or(FunctionBody::Other, FunctionBody::Query)
}
