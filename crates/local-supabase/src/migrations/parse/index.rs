//! `create index` and `alter index`.

use super::parser::Parser;
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::{IndexDef, IndexKey, Statement};

pub fn create(parser: &mut Parser<'_>, unique: bool) -> Result<Statement> {
    parser.word("concurrently");
    let if_not_exists = parser.words("if not exists");
    let name = if parser.is_word("on") { None } else { Some(parser.name()?.name) };
    parser.expect_words("on")?;
    parser.word("only");
    let table = parser.name()?;
    let method = if parser.word("using") { parser.identifier()? } else { "btree".to_owned() };
    let is_btree = method == "btree" || method == "hash";
    if !is_btree {
        // Whatever it speeds up, it allows and forbids nothing.
        parser.skip();
        let (keys, include) = (Vec::new(), Vec::new());
        return Ok(Statement::CreateIndex(IndexDef {
            name,
            table,
            unique: false,
            if_not_exists,
            is_btree,
            keys,
            include,
            nulls_not_distinct: false,
            predicate: None,
        }));
    }
    let keys = parser.parenthesized(key)?;
    let include = if parser.word("include") { parser.identifiers()? } else { Vec::new() };
    parser.words("nulls distinct");
    let nulls_not_distinct = parser.words("nulls not distinct");
    if parser.word("with") {
        parser.skip_parentheses();
    }
    let predicate = if parser.word("where") { Some(parser.written()?) } else { None };
    Ok(Statement::CreateIndex(IndexDef {
        name,
        table,
        unique,
        if_not_exists,
        is_btree,
        keys,
        include,
        nulls_not_distinct,
        predicate,
    }))
}

fn key(parser: &mut Parser<'_>) -> Result<IndexKey> {
    let expr = parser.expr()?;
    // An operator class.
    if !["asc", "desc", "nulls"].iter().any(|word| parser.is_word(word)) {
        let _ = parser.one_of(&[
            "text_pattern_ops",
            "varchar_pattern_ops",
            "text_ops",
            "uuid_ops",
            "int4_ops",
            "int8_ops",
            "timestamptz_ops",
            "bool_ops",
        ]);
    }
    let descending = parser.word("desc");
    parser.word("asc");
    let _ = parser.words("nulls first") || parser.words("nulls last");
    Ok(IndexKey { expr, descending })
}

pub fn alter(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.words("if exists");
    let index = parser.name()?;
    if parser.words("rename to") {
        return Ok(Statement::RenameIndex { index, to: parser.identifier()? });
    }
    if parser.word("set") || parser.word("reset") {
        parser.skip();
        return Ok(Statement::Ignored);
    }
    not_understood("this change of an index is not known")
}
