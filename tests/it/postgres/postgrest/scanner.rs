//! Reads a text from left to right.

/// What is left of a text.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub fn rest(&self) -> &'a str {
        self.0
    }

    pub fn is_end(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_at(&self, token: &str) -> bool {
        self.0.starts_with(token)
    }

    pub fn eat(&mut self, token: &str) -> bool {
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    pub fn expect(&mut self, token: &str) {
        assert!(self.eat(token), "{token} expected: {}", self.0);
    }

    pub fn expect_end(&self) {
        assert_eq!(self.0, "", "not understood");
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !accept(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// A name, quoted or plain; a dash belongs to it unless it begins an arrow.
    pub fn name(&mut self) -> String {
        if let Some(quoted) = self.quoted() {
            return quoted;
        }
        let mut name = String::new();
        loop {
            name += self.take_while(|c| c.is_alphanumeric() || "_ $".contains(c));
            if !self.is_at("-") || self.is_at("->") {
                let name = name.trim().to_owned();
                assert!(!name.is_empty(), "a name expected: {}", self.0);
                return name;
            }
            self.expect("-");
            name.push('-');
        }
    }

    /// The alias before a colon.
    pub fn alias(&mut self) -> Option<String> {
        let mut ahead = *self;
        if ahead.0.starts_with(|c: char| c.is_alphanumeric() || "_\"".contains(c)) {
            let alias = ahead.name();
            if ahead.eat(":") && !ahead.is_at(":") {
                *self = ahead;
                return Some(alias);
            }
        }
        None
    }

    fn quoted(&mut self) -> Option<String> {
        let mut chars = self.0.strip_prefix('"')?.chars();
        let mut value = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(chars.next()?),
                other => value.push(other),
            }
        }
        self.0 = chars.as_str();
        Some(value)
    }

    /// A value inside a logic tree, which may be an array's literal.
    pub fn element(&mut self) -> String {
        if self.is_at("{") && self.0.contains('}') {
            let literal = self.take_while(|c| c != '}').to_owned();
            self.expect("}");
            return literal + "}";
        }
        self.list_element()
    }

    fn list_element(&mut self) -> String {
        let mut ahead = *self;
        if let Some(quoted) = ahead.quoted().filter(|_| ahead.is_at(",") || ahead.is_at(")")) {
            *self = ahead;
            return quoted;
        }
        self.take_while(|c| c != ',' && c != ')').to_owned()
    }

    /// `(a,"b c")`
    pub fn list(&mut self) -> Vec<String> {
        self.expect("(");
        let mut elements = vec![self.list_element()];
        while self.eat(",") {
            elements.push(self.list_element());
        }
        self.expect(")");
        elements
    }
}
