//! PostgreSQL's types, and what SQLite holds for each.

/// A type of PostgreSQL.
///
/// What SQLite holds, by [`Storage`]: text, uuid, json, jsonb, enums, bytea (as `\x…`) and arrays (a JSON
/// array of the elements as answers show them) as text; boolean as 0 or 1; date as days, time as
/// microseconds since midnight, timestamp and timestamptz as microseconds since 1970; numeric, real and
/// double precision as a double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgType {
    /// `text`
    Text,
    /// `character varying`, of at most so many characters.
    Varchar(Option<u32>),
    /// `character`, padded to so many characters.
    Char(u32),
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `boolean`
    Boolean,
    /// `smallint`
    Smallint,
    /// `integer`
    Integer,
    /// `bigint`
    Bigint,
    /// `real`
    Real,
    /// `double precision`
    DoublePrecision,
    /// `numeric`, with its digits where they are limited.
    Numeric(Option<Precision>),
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`, of expressions only.
    Interval,
    /// `bytea`
    Bytea,
    /// A type that `create type … as enum` made.
    Enum(&'static EnumType),
    /// An array of elements of a type.
    Array(&'static PgType),
}

/// The digits of a `numeric(precision, scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// All of them.
    pub precision: u32,
    /// Those after the point.
    pub scale: i32,
}

/// A type that `create type … as enum` made.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Its name.
    pub name: &'static str,
    /// `name[]`
    pub array_name: &'static str,
    /// In their order.
    pub labels: &'static [&'static str],
}

/// What SQLite calls the values that it holds for a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// `text`
    Text,
    /// `int`, which as the type of a primary key is not another name for SQLite's row ids.
    Integer,
    /// `real`
    Real,
}

impl Storage {
    /// Its name in `create table … strict`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "int",
            Self::Real => "real",
        }
    }
}

impl PgType {
    /// `numeric` of any number of digits.
    pub const NUMERIC: Self = Self::Numeric(None);

    /// The name that PostgreSQL prints, without a length.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Varchar(_) => "character varying",
            Self::Char(_) => "character",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Boolean => "boolean",
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Real => "real",
            Self::DoublePrecision => "double precision",
            Self::Numeric(_) => "numeric",
            Self::Date => "date",
            Self::Time => "time without time zone",
            Self::Timestamp => "timestamp without time zone",
            Self::Timestamptz => "timestamp with time zone",
            Self::Interval => "interval",
            Self::Bytea => "bytea",
            Self::Enum(enumeration) => enumeration.name,
            Self::Array(element) => element.array_name(),
        }
    }

    fn array_name(self) -> &'static str {
        match self {
            Self::Text => "text[]",
            Self::Varchar(_) => "character varying[]",
            Self::Char(_) => "character[]",
            Self::Uuid => "uuid[]",
            Self::Json => "json[]",
            Self::Jsonb => "jsonb[]",
            Self::Boolean => "boolean[]",
            Self::Smallint => "smallint[]",
            Self::Integer => "integer[]",
            Self::Bigint => "bigint[]",
            Self::Real => "real[]",
            Self::DoublePrecision => "double precision[]",
            Self::Numeric(_) => "numeric[]",
            Self::Date => "date[]",
            Self::Time => "time without time zone[]",
            Self::Timestamp => "timestamp without time zone[]",
            Self::Timestamptz => "timestamp with time zone[]",
            Self::Interval => "interval[]",
            Self::Bytea => "bytea[]",
            Self::Enum(enumeration) => enumeration.array_name,
            // PostgreSQL does not tell arrays of arrays from arrays.
            Self::Array(element) => element.array_name(),
        }
    }

    /// The name with its length or digits, as `format_type` prints it.
    pub fn full_name(self) -> String {
        match self {
            Self::Varchar(Some(length)) => format!("character varying({length})"),
            Self::Char(length) => format!("character({length})"),
            Self::Numeric(Some(Precision { precision, scale })) => {
                format!("numeric({precision},{scale})")
            }
            Self::Array(element) => format!("{}[]", element.full_name()),
            _ => self.name().to_owned(),
        }
    }

    /// What SQLite holds.
    pub fn storage(self) -> Storage {
        match self {
            Self::Boolean | Self::Smallint | Self::Integer | Self::Bigint => Storage::Integer,
            Self::Date | Self::Time | Self::Timestamp | Self::Timestamptz | Self::Interval => {
                Storage::Integer
            }
            Self::Real | Self::DoublePrecision | Self::Numeric(_) => Storage::Real,
            Self::Text
            | Self::Varchar(_)
            | Self::Char(_)
            | Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Bytea
            | Self::Enum(_)
            | Self::Array(_) => Storage::Text,
        }
    }

    /// Whether it is one of the types of text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar(_) | Self::Char(_))
    }

    /// Whether it is a type of numbers.
    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Real | Self::DoublePrecision | Self::Numeric(_))
    }

    /// Whether it is a type of whole numbers.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Smallint | Self::Integer | Self::Bigint)
    }
}
