//! `create table` and `alter table`.

use sqlparser::tokenizer::Token;

use super::parser::Parser;
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::statement::*;

pub fn create(parser: &mut Parser<'_>) -> Result<Statement> {
    let if_not_exists = parser.words("if not exists");
    let table = parser.name()?;
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    parser.expect(&Token::LParen)?;
    while !parser.symbol(&Token::RParen) {
        match table_constraint(parser)? {
            Some(constraint) => constraints.push(constraint),
            None => columns.push(column(parser)?),
        }
        if !parser.symbol(&Token::Comma) {
            parser.expect(&Token::RParen)?;
            break;
        }
    }
    // Storage parameters; inheritance and partitions are not understood.
    if parser.word("with") {
        parser.skip_parentheses();
    }
    Ok(Statement::CreateTable { table, if_not_exists, columns, constraints })
}

/// `name type constraint…`
pub fn column(parser: &mut Parser<'_>) -> Result<ColumnDef> {
    let mut column = ColumnDef {
        name: parser.identifier()?,
        data_type: parser.data_type()?,
        not_null: false,
        default: None,
        generated: None,
        constraints: Vec::new(),
    };
    if parser.word("collate") {
        parser.name()?;
    }
    while column_part(parser, &mut column)? {}
    Ok(column)
}

fn column_part(parser: &mut Parser<'_>, column: &mut ColumnDef) -> Result<bool> {
    if parser.words("not null") {
        column.not_null = true;
    } else if parser.word("null") {
    } else if parser.word("default") {
        column.default = Some(parser.with_text(Parser::default_expr)?);
    } else if parser.is_word("generated") {
        column.generated = Some(generated(parser)?);
    } else {
        let name = constraint_name(parser)?;
        // Any of them can have a name.
        if name.is_some() && parser.words("not null") {
            column.not_null = true;
            return Ok(true);
        }
        let own = vec![column.name.clone()];
        let Some(kind) = column_constraint(parser, own)? else {
            return if name.is_some() { parser.expected("a constraint") } else { Ok(false) };
        };
        column.constraints.push(ConstraintDef { name, kind });
    }
    Ok(true)
}

fn generated(parser: &mut Parser<'_>) -> Result<GeneratedDef> {
    parser.expect_words("generated")?;
    let always = parser.word("always");
    if !always {
        parser.expect_words("by default")?;
    }
    parser.expect_words("as")?;
    if parser.word("identity") {
        let (start, increment) = super::types::sequence_options(parser, true)?;
        return Ok(GeneratedDef::Identity { always, start, increment });
    }
    let written = parser.parenthesized_written()?;
    if !parser.word("stored") && !parser.word("virtual") {
        return parser.expected("stored");
    }
    Ok(GeneratedDef::Stored(written))
}

fn constraint_name(parser: &mut Parser<'_>) -> Result<Option<String>> {
    if parser.word("constraint") { Ok(Some(parser.identifier()?)) } else { Ok(None) }
}

fn column_constraint(parser: &mut Parser<'_>, own: Vec<String>) -> Result<Option<ConstraintKind>> {
    let kind = if parser.words("primary key") {
        ConstraintKind::PrimaryKey(own)
    } else if parser.word("unique") {
        let nulls_not_distinct = nulls_not_distinct(parser);
        ConstraintKind::Unique { columns: own, nulls_not_distinct }
    } else if parser.word("check") {
        check(parser)?
    } else if parser.word("references") {
        references(parser, own)?
    } else {
        return Ok(None);
    };
    characteristics(parser);
    Ok(Some(kind))
}

/// A constraint of the table, if one comes next.
fn table_constraint(parser: &mut Parser<'_>) -> Result<Option<ConstraintDef>> {
    let name = constraint_name(parser)?;
    let kind = if parser.words("primary key") {
        ConstraintKind::PrimaryKey(parser.identifiers()?)
    } else if parser.word("unique") {
        let nulls_not_distinct = nulls_not_distinct(parser);
        ConstraintKind::Unique { columns: parser.identifiers()?, nulls_not_distinct }
    } else if parser.words("foreign key") {
        let columns = parser.identifiers()?;
        parser.expect_words("references")?;
        references(parser, columns)?
    } else if parser.word("check") {
        check(parser)?
    } else if parser.word("exclude") {
        while !parser.is_at_end() && !parser.symbol(&Token::LParen) {
            parser.tokens.next_token();
        }
        return not_understood("exclusion constraints are not implemented");
    } else if name.is_some() {
        return parser.expected("a constraint");
    } else {
        return Ok(None);
    };
    characteristics(parser);
    Ok(Some(ConstraintDef { name, kind }))
}

fn check(parser: &mut Parser<'_>) -> Result<ConstraintKind> {
    let written = parser.parenthesized_written()?;
    parser.words("no inherit");
    Ok(ConstraintKind::Check(written))
}

fn nulls_not_distinct(parser: &mut Parser<'_>) -> bool {
    parser.words("nulls distinct");
    parser.words("nulls not distinct")
}

/// What follows `references`.
fn references(parser: &mut Parser<'_>, columns: Vec<String>) -> Result<ConstraintKind> {
    let table = parser.name()?;
    let has_columns = matches!(parser.tokens.peek_token_ref().token, Token::LParen);
    let foreign = if has_columns { parser.identifiers()? } else { Vec::new() };
    let (mut on_delete, mut on_update) = (ActionDef::default(), ActionDef::default());
    loop {
        if parser.words("on delete") {
            on_delete = action(parser, &columns)?;
        } else if parser.words("on update") {
            on_update = action(parser, &columns)?;
        } else if parser.words("match full") {
            return not_understood("match full is not implemented");
        } else if !parser.words("match simple") {
            break;
        }
    }
    Ok(ConstraintKind::ForeignKey { columns, table, foreign, on_delete, on_update })
}

fn action(parser: &mut Parser<'_>, columns: &[String]) -> Result<ActionDef> {
    let actions = ["no action", "restrict", "cascade", "set null", "set default"];
    let Some(action) = parser.one_of(&actions) else { return parser.expected("an action") };
    let mut named = || {
        let has_columns = matches!(parser.tokens.peek_token_ref().token, Token::LParen);
        if has_columns { parser.identifiers() } else { Ok(columns.to_vec()) }
    };
    Ok(match action {
        "no action" => ActionDef::NoAction,
        "restrict" => ActionDef::Restrict,
        "cascade" => ActionDef::Cascade,
        "set null" => ActionDef::SetNull(named()?),
        _ => ActionDef::SetDefault(named()?),
    })
}

/// Deferred checks are made at once: that is stricter.
fn characteristics(parser: &mut Parser<'_>) {
    let words = [
        "not deferrable",
        "deferrable",
        "initially deferred",
        "initially immediate",
        "not valid",
        "enforced",
    ];
    while parser.one_of(&words).is_some() {}
}

pub fn alter(parser: &mut Parser<'_>) -> Result<Statement> {
    let if_exists = parser.words("if exists");
    parser.word("only");
    let table = parser.name()?;
    parser.symbol(&Token::Mul);
    let actions = parser.list(alter_action)?;
    Ok(Statement::AlterTable { table, if_exists, actions })
}

fn alter_action(parser: &mut Parser<'_>) -> Result<AlterAction> {
    if parser.word("add") {
        return add(parser);
    }
    if parser.word("drop") {
        return drop(parser);
    }
    if parser.word("alter") {
        parser.word("column");
        return alter_column(parser);
    }
    if parser.word("rename") {
        return rename(parser);
    }
    if let Some(words) = parser.one_of(&["enable row level security", "disable row level security"])
    {
        return Ok(AlterAction::RowSecurity(words.starts_with("enable")));
    }
    if parser.words("set schema") {
        return Ok(AlterAction::SetSchema { schema: parser.identifier()? });
    }
    if parser.words("validate constraint") || parser.words("owner to") {
        parser.identifier()?;
        return Ok(AlterAction::Nothing);
    }
    // The owner of the tables makes no requests.
    let nothing = ["force row level security", "no force row level security"];
    if parser.one_of(&nothing).is_some() {
        return Ok(AlterAction::Nothing);
    }
    if parser.words("replica identity") {
        let _ = parser.one_of(&["full", "default", "nothing"]);
        return Ok(AlterAction::Nothing);
    }
    let triggers = ["enable always trigger", "enable trigger", "disable trigger"];
    if let Some(words) = parser.one_of(&triggers) {
        let name = parser.identifier()?;
        return Ok(AlterAction::Trigger { enabled: words.starts_with("enable"), name });
    }
    parser.expected("a known change of a table")
}

fn add(parser: &mut Parser<'_>) -> Result<AlterAction> {
    if !parser.is_word("column") {
        if let Some(using) = add_using_index(parser)? {
            return Ok(using);
        }
        if let Some(constraint) = table_constraint(parser)? {
            return Ok(AlterAction::AddConstraint(constraint));
        }
    }
    parser.word("column");
    let if_not_exists = parser.words("if not exists");
    Ok(AlterAction::AddColumn { column: Box::new(column(parser)?), if_not_exists })
}

/// `constraint name primary key using index name`, as dumps of Supabase's own tools say it.
fn add_using_index(parser: &mut Parser<'_>) -> Result<Option<AlterAction>> {
    let is_key = |parser: &Parser<'_>, at: usize| {
        let word = |n: usize| parser.tokens.peek_nth_token_ref(at + n).token.to_string();
        let is = |n: usize, expected: &str| word(n).eq_ignore_ascii_case(expected);
        is(0, "unique") && is(1, "using") || is(0, "primary") && is(2, "using")
    };
    let at = if parser.is_word("constraint") { 2 } else { 0 };
    if !is_key(parser, at) {
        return Ok(None);
    }
    let name = constraint_name(parser)?;
    let primary = parser.words("primary key");
    if !primary {
        parser.expect_words("unique")?;
    }
    parser.expect_words("using index")?;
    let index = parser.identifier()?;
    characteristics(parser);
    Ok(Some(AlterAction::AddConstraintUsingIndex { name, index, primary }))
}

fn drop(parser: &mut Parser<'_>) -> Result<AlterAction> {
    let constraint = parser.word("constraint");
    if !constraint {
        parser.word("column");
    }
    let if_exists = parser.words("if exists");
    let name = parser.identifier()?;
    let _ = parser.word("cascade") || parser.word("restrict");
    Ok(match constraint {
        true => AlterAction::DropConstraint { name, if_exists },
        false => AlterAction::DropColumn { column: name, if_exists },
    })
}

fn alter_column(parser: &mut Parser<'_>) -> Result<AlterAction> {
    let column = parser.identifier()?;
    if parser.words("set not null") {
        return Ok(AlterAction::SetNotNull { column });
    }
    if parser.words("drop not null") {
        return Ok(AlterAction::DropNotNull { column });
    }
    if parser.words("set default") {
        let default = parser.written()?;
        return Ok(AlterAction::SetDefault { column, default });
    }
    if parser.words("drop default") {
        return Ok(AlterAction::DropDefault { column });
    }
    if parser.words("drop identity") {
        parser.words("if exists");
        return Ok(AlterAction::DropIdentity { column });
    }
    if parser.words("drop expression") {
        parser.words("if exists");
        return Ok(AlterAction::DropExpression { column });
    }
    if parser.words("add generated") {
        let always = parser.word("always");
        if !always {
            parser.expect_words("by default")?;
        }
        parser.expect_words("as identity")?;
        super::types::sequence_options(parser, true)?;
        return Ok(AlterAction::AddIdentity { column, always });
    }
    if parser.words("set statistics")
        || parser.words("set storage")
        || parser.words("set compression")
    {
        parser.tokens.next_token();
        return Ok(AlterAction::Nothing);
    }
    if parser.words("set data type") || parser.word("type") {
        let data_type = parser.data_type()?;
        if parser.word("collate") {
            parser.name()?;
        }
        // Rows that are there are changed by the types alone.
        if parser.word("using") {
            parser.expr()?;
        }
        return Ok(AlterAction::SetType { column, data_type });
    }
    parser.expected("a known change of a column")
}

fn rename(parser: &mut Parser<'_>) -> Result<AlterAction> {
    if parser.word("to") {
        return Ok(AlterAction::RenameTable { to: parser.identifier()? });
    }
    let constraint = parser.word("constraint");
    if !constraint {
        parser.word("column");
    }
    let from = parser.identifier()?;
    parser.expect_words("to")?;
    let to = parser.identifier()?;
    Ok(match constraint {
        true => AlterAction::RenameConstraint { from, to },
        false => AlterAction::RenameColumn { from, to },
    })
}
