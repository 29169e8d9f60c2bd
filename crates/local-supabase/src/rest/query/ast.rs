//! The syntax tree of a query string: the requested relation and the relations embedded in it.

/// The query of one relation.
#[derive(Debug, Default, PartialEq)]
pub struct Node {
    pub select: Vec<SelectItem>,
    /// All of them must be true.
    pub conditions: Vec<Condition>,
    pub order: Vec<OrderTerm>,
    pub limit: Option<u64>,
    pub offset: u64,
}

#[derive(Debug, PartialEq)]
pub enum SelectItem {
    Star,
    Field(SelectField),
    Embed(Embed),
    /// `count()`, `sum()` and so on, which are disabled as in Supabase.
    Aggregate,
}

#[derive(Debug, PartialEq)]
pub struct SelectField {
    pub alias: Option<String>,
    pub field: Field,
    pub cast: Option<String>,
}

#[derive(Debug, PartialEq)]
pub struct Embed {
    pub alias: Option<String>,
    pub relation: String,
    pub hint: Option<String>,
    pub inner: bool,
    /// `...relation(…)`: its columns become the parent's.
    pub spread: bool,
    pub node: Node,
}

/// A column, or a place inside a jsonb column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub name: String,
    pub path: Vec<Step>,
    /// Whether the last step is `->>`.
    pub as_text: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Key(String),
    Index(i32),
}

#[derive(Debug, PartialEq)]
pub enum Condition {
    Filter(Filter),
    Logic { negated: bool, any: bool, conditions: Vec<Condition> },
}

#[derive(Debug, PartialEq)]
pub struct Filter {
    pub field: Field,
    pub negated: bool,
    pub operation: FilterOperation,
}

#[derive(Debug, PartialEq)]
pub enum FilterOperation {
    Compare {
        comparison: Comparison,
        quantifier: Option<Quantifier>,
        value: String,
    },
    IsDistinct(String),
    In(Vec<String>),
    Is(Is),
    Contains(String),
    ContainedIn(String),
    Overlaps(String),
    /// An operator of PostgREST that is not implemented.
    NotImplemented(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    Like,
    Ilike,
    Match,
    Imatch,
}

impl Comparison {
    /// What PostgreSQL calls it.
    pub fn operator(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Neq => "<>",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Like => "~~",
            Self::Ilike => "~~*",
            Self::Match => "~",
            Self::Imatch => "~*",
        }
    }

    /// Whether it compares a text with a pattern.
    pub fn is_pattern(self) -> bool {
        matches!(self, Self::Like | Self::Ilike | Self::Match | Self::Imatch)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Is {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

#[derive(Debug, PartialEq)]
pub struct OrderTerm {
    /// The embedded to-one relation whose column orders the rows.
    pub relation: Option<String>,
    pub field: Field,
    pub descending: bool,
    /// By default, PostgreSQL sorts null as the greatest value.
    pub nulls_first: Option<bool>,
}

impl Node {
    /// The embedded relations.
    pub fn embeds(&self) -> impl Iterator<Item = &Embed> {
        self.select.iter().filter_map(|item| match item {
            SelectItem::Embed(embed) => Some(embed),
            _ => None,
        })
    }

    /// The embedded relation that a parameter calls `name`.
    pub fn embed_mut(&mut self, name: &str) -> Option<&mut Embed> {
        let position = self.select.iter().position(
            |item| matches!(item, SelectItem::Embed(e) if e.alias.as_deref() == Some(name)),
        );
        let position = position.or_else(|| {
            self.select
                .iter()
                .position(|item| matches!(item, SelectItem::Embed(e) if e.relation == name))
        })?;
        match &mut self.select[position] {
            SelectItem::Embed(embed) => Some(embed),
            _ => None,
        }
    }
}

impl Embed {
    /// The key that holds the embedded rows.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.relation)
    }
}

impl SelectField {
    /// The key of the result: the alias, the last key of the JSON path or the column.
    pub fn name(&self) -> &str {
        let last_key = self.field.path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        self.alias.as_deref().or(last_key).unwrap_or(&self.field.name)
    }
}
