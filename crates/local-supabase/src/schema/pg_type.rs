//! PostgreSQL's types, and how SQLite stores their values.

/// A PostgreSQL type.
///
/// SQLite stores its values as [`Storage`] says: text, uuid, json, jsonb, enums, bytea (as `\x…`) and
/// arrays (a JSON array of the elements as in responses) as text; boolean as 0 or 1; date as days,
/// time as microseconds since midnight, timestamp and timestamptz as microseconds since 1970; numeric,
/// real and double precision as a double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgType {
    /// `text`
    Text,
    /// `character varying`, with its maximum length.
    Varchar(Option<u32>),
    /// `character`, with the length to which it is padded.
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
    /// `numeric`, with its precision and scale if they are declared.
    Numeric(Option<Precision>),
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`, which occurs only in expressions.
    Interval,
    /// `bytea`
    Bytea,
    /// A type created by `create type … as enum`.
    Enum(&'static EnumType),
    /// An array of elements of this type.
    Array(&'static PgType),
}

/// The precision and scale of `numeric(precision, scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// The total number of digits.
    pub precision: u32,
    /// The number of digits after the decimal point.
    pub scale: i32,
}

/// A type created by `create type … as enum`.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Its name.
    pub name: &'static str,
    /// `name[]`
    pub array_name: &'static str,
    /// The values, in their order.
    pub labels: &'static [&'static str],
}

/// How SQLite stores the values of a type.
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
            // PostgreSQL does not distinguish arrays of arrays from arrays.
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

    /// How SQLite stores its values.
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

    /// Whether it is a text type.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar(_) | Self::Char(_))
    }

    /// Whether it is a numeric type.
    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Real | Self::DoublePrecision | Self::Numeric(_))
    }

    /// Whether it is an integer type.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Smallint | Self::Integer | Self::Bigint)
    }
}
