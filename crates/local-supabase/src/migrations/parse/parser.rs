//! What the parsers of statements share: words, names and lists on top of sqlparser's tokens,
//! expressions and types.

use sqlparser::ast::{DataType, Expr, Query};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::parser::Parser as Tokens;
use sqlparser::tokenizer::{Location, Token};

use crate::migrations::not_understood::{NotUnderstood, Result, not_understood};
use crate::migrations::statement::{Name, Written};

static DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// A statement being read.
pub struct Parser<'a> {
    pub tokens: Tokens<'a>,
    text: &'a str,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str) -> Result<Self> {
        Ok(Self { tokens: Tokens::new(&DIALECT).try_with_sql(text)?, text })
    }

    /// Whether the next token is this word, which is then taken.
    pub fn word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.tokens.next_token();
        }
        is
    }

    pub fn is_word(&self, word: &str) -> bool {
        is_word(&self.tokens.peek_token_ref().token, word)
    }

    /// Whether the next tokens are these words, which are then taken.
    pub fn words(&mut self, words: &str) -> bool {
        let all = words
            .split(' ')
            .enumerate()
            .all(|(n, word)| is_word(&self.tokens.peek_nth_token_ref(n).token, word));
        if all {
            words.split(' ').for_each(|_| {
                self.tokens.next_token();
            });
        }
        all
    }

    pub fn expect_words(&mut self, words: &str) -> Result<()> {
        if self.words(words) { Ok(()) } else { self.expected(words) }
    }

    /// The first of these words that comes next, which is then taken.
    pub fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|word| self.words(word)).copied()
    }

    pub fn symbol(&mut self, token: &Token) -> bool {
        self.tokens.consume_token(token)
    }

    pub fn expect(&mut self, token: &Token) -> Result<()> {
        if self.symbol(token) { Ok(()) } else { self.expected(&token.to_string()) }
    }

    pub fn expected<T>(&self, what: &str) -> Result<T> {
        match &self.tokens.peek_token_ref().token {
            Token::EOF => not_understood(format!("it ends where {what} was expected")),
            found => not_understood(format!("\"{found}\" stands where {what} was expected")),
        }
    }

    pub fn is_at_end(&self) -> bool {
        matches!(self.tokens.peek_token_ref().token, Token::EOF)
    }

    /// Refuses what follows a statement that is understood up to here.
    pub fn end(&self) -> Result<()> {
        if self.is_at_end() { Ok(()) } else { self.expected("its end") }
    }

    /// A name, in lower case unless it is quoted.
    pub fn identifier(&mut self) -> Result<String> {
        match &self.tokens.peek_token_ref().token {
            Token::Word(word) => {
                let name = fold(&word.value, word.quote_style);
                self.tokens.next_token();
                Ok(name)
            }
            _ => self.expected("a name"),
        }
    }

    /// A name with or without a schema.
    pub fn name(&mut self) -> Result<Name> {
        let first = self.identifier()?;
        if self.symbol(&Token::Period) {
            return Ok(Name { schema: first, name: self.identifier()? });
        }
        Ok(Name { schema: "public".to_owned(), name: first })
    }

    /// A role; `public` and `current_user` are roles too.
    pub fn roles(&mut self) -> Result<Vec<String>> {
        self.list(|parser| {
            parser.word("group");
            parser.identifier()
        })
    }

    pub fn text(&mut self) -> Result<String> {
        match &self.tokens.peek_token_ref().token {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
                let text = text.clone();
                self.tokens.next_token();
                Ok(text)
            }
            Token::DollarQuotedString(text) => {
                let text = text.value.clone();
                self.tokens.next_token();
                Ok(text)
            }
            _ => self.expected("a text"),
        }
    }

    pub fn integer(&mut self) -> Result<i64> {
        let sign = if self.symbol(&Token::Minus) { -1 } else { 1 };
        let number = match &self.tokens.peek_token_ref().token {
            Token::Number(number, _) => number.parse::<i64>().ok(),
            _ => None,
        };
        let Some(number) = number else { return self.expected("a whole number") };
        self.tokens.next_token();
        Ok(sign * number)
    }

    /// `item, item`
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.symbol(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item)`
    pub fn parenthesized<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect(&Token::LParen)?;
        let items = self.list(item)?;
        self.expect(&Token::RParen)?;
        Ok(items)
    }

    pub fn identifiers(&mut self) -> Result<Vec<String>> {
        self.parenthesized(Self::identifier)
    }

    pub fn data_type(&mut self) -> Result<DataType> {
        Ok(self.tokens.parse_data_type()?)
    }

    pub fn expr(&mut self) -> Result<Expr> {
        Ok(self.tokens.parse_expr()?)
    }

    /// The expression of a default, which ends before `not null`.
    pub fn default_expr(&mut self) -> Result<Expr> {
        let precedence = DIALECT.prec_value(Precedence::Between);
        Ok(self.tokens.parse_subexpr(precedence)?)
    }

    pub fn query(&mut self) -> Result<Box<Query>> {
        Ok(self.tokens.parse_query()?)
    }

    /// An expression with its text.
    pub fn written(&mut self) -> Result<Written> {
        self.with_text(Self::expr)
    }

    /// `(expression)` with its text.
    pub fn parenthesized_written(&mut self) -> Result<Written> {
        self.expect(&Token::LParen)?;
        let written = self.written()?;
        self.expect(&Token::RParen)?;
        Ok(written)
    }

    pub fn with_text(&mut self, parse: impl FnOnce(&mut Self) -> Result<Expr>) -> Result<Written> {
        let start = self.tokens.peek_token_ref().span.start;
        let expr = parse(self)?;
        let end = match &self.tokens.peek_token_ref().token {
            Token::EOF => self.text.len(),
            _ => self.offset(self.tokens.peek_token_ref().span.start),
        };
        let text = self.text[self.offset(start)..end].trim().to_owned();
        Ok(Written { expr: Box::new(expr), text })
    }

    /// Lines and columns count from 1, columns in characters.
    fn offset(&self, location: Location) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines.by_ref().take(location.line as usize - 1).map(str::len).sum();
        let line = lines.next().unwrap_or_default();
        let column = line.char_indices().nth(location.column as usize - 1);
        before + column.map_or(line.len(), |(at, _)| at)
    }

    /// Skips to the end, of a statement whose rest makes no difference.
    pub fn skip(&mut self) {
        while !self.is_at_end() {
            self.tokens.next_token();
        }
    }

    /// Skips what stands in parentheses, if they come next.
    pub fn skip_parentheses(&mut self) {
        if !self.symbol(&Token::LParen) {
            return;
        }
        let mut depth = 1;
        while depth > 0 && !self.is_at_end() {
            match self.tokens.next_token().token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
        }
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// As PostgreSQL reads a name.
pub fn fold(name: &str, quote: Option<char>) -> String {
    if quote.is_some() { name.to_owned() } else { name.to_lowercase() }
}

/// The expression that a text is.
pub fn parse_expr(text: &str) -> Result<Expr> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expr()?;
    parser.end()?;
    Ok(expr)
}

/// The query that a text is.
pub fn parse_query(text: &str) -> Result<Box<Query>> {
    let text = text.trim().trim_end_matches(';');
    let mut parser = Parser::new(text)?;
    let query = parser.query()?;
    parser.end()?;
    Ok(query)
}

impl From<&str> for NotUnderstood {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// The type that a text names.
pub fn parse_type(text: &str) -> Result<DataType> {
    let mut parser = Parser::new(text)?;
    let data_type = parser.data_type()?;
    parser.end()?;
    Ok(data_type)
}
