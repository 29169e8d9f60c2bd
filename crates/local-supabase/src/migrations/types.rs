//! From the types that migrations write to the types that the schema knows.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, ObjectName, ObjectNamePart,
    TimezoneInfo,
};

use super::catalogue::{Catalogue, DomainState};
use super::not_understood::{Result, not_understood};
use super::parse::fold;
use super::statement::Name;
use crate::schema::{EnumType, PgType, Precision};

/// A type, and the domain that it is.
pub struct Resolved<'a> {
    pub pg_type: PgType,
    pub domain: Option<&'a DomainState>,
}

/// `serial` and its like: an integer type with a sequence.
pub fn serial(data_type: &DataType) -> Option<DataType> {
    let DataType::Custom(name, _) = data_type else { return None };
    Some(match object_name(name).ok()?.name.as_str() {
        "smallserial" | "serial2" => DataType::SmallInt(None),
        "serial" | "serial4" => DataType::Integer(None),
        "bigserial" | "serial8" => DataType::BigInt(None),
        _ => return None,
    })
}

/// A name as sqlparser has it.
pub fn object_name(name: &ObjectName) -> Result<Name> {
    let mut parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => Ok(fold(&ident.value, ident.quote_style)),
        ObjectNamePart::Function(_) => not_understood(format!("{name} is not a name")),
    });
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) => Ok(Name { schema: "public".to_owned(), name: name? }),
        (Some(schema), Some(name), None) => Ok(Name { schema: schema?, name: name? }),
        _ => not_understood(format!("{name} is not a name")),
    }
}

impl Catalogue {
    /// What a type is; of a domain, the type below it.
    pub fn resolve(&self, data_type: &DataType) -> Result<Resolved<'_>> {
        let plain = |pg_type| Ok(Resolved { pg_type, domain: None });
        plain(match data_type {
            DataType::Text => PgType::Text,
            DataType::Varchar(length)
            | DataType::CharacterVarying(length)
            | DataType::CharVarying(length) => PgType::Varchar(characters(length.as_ref())?),
            DataType::Char(length) | DataType::Character(length) => {
                PgType::Char(characters(length.as_ref())?.unwrap_or(1))
            }
            DataType::Uuid => PgType::Uuid,
            DataType::JSON => PgType::Json,
            DataType::JSONB => PgType::Jsonb,
            DataType::Bool | DataType::Boolean => PgType::Boolean,
            DataType::SmallInt(None) | DataType::Int2(None) => PgType::Smallint,
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => PgType::Integer,
            DataType::BigInt(None) | DataType::Int8(None) => PgType::Bigint,
            DataType::Real | DataType::Float4 => PgType::Real,
            DataType::Float8
            | DataType::DoublePrecision
            | DataType::Double(ExactNumberInfo::None) => PgType::DoublePrecision,
            DataType::Float(ExactNumberInfo::None) => PgType::DoublePrecision,
            DataType::Float(ExactNumberInfo::Precision(bits)) if *bits <= 24 => PgType::Real,
            DataType::Float(ExactNumberInfo::Precision(_)) => PgType::DoublePrecision,
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
                PgType::Numeric(precision(*info))
            }
            DataType::Date => PgType::Date,
            DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                PgType::Time
            }
            DataType::Timestamp(precision, zone) if precision.is_none_or(|p| p == 6) => {
                match zone {
                    TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => PgType::Timestamp,
                    TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => PgType::Timestamptz,
                }
            }
            DataType::Interval { fields: None, precision: None } => PgType::Interval,
            DataType::Bytea => PgType::Bytea,
            DataType::Array(
                ArrayElemTypeDef::SquareBracket(element, _)
                | ArrayElemTypeDef::Qualified(element, _)
                | ArrayElemTypeDef::AngleBracket(element),
            ) => {
                let element = self.resolve(element)?;
                if element.domain.is_some() {
                    return not_understood(format!(
                        "arrays of the domain {data_type} are not implemented"
                    ));
                }
                array_of(element.pg_type)
            }
            DataType::Custom(name, modifiers) if modifiers.is_empty() => return self.named(name),
            other => return not_understood(format!("the type {other} is not implemented")),
        })
    }

    fn named(&self, object: &ObjectName) -> Result<Resolved<'_>> {
        let name = object_name(object)?;
        if let Some(labels) = self.labels(&name) {
            let pg_type = PgType::Enum(enum_type(&name.name, labels));
            return Ok(Resolved { pg_type, domain: None });
        }
        if let Some(domain) = self.domain(&name) {
            let pg_type = self.resolve(&domain.data_type)?.pg_type;
            return Ok(Resolved { pg_type, domain: Some(domain) });
        }
        let pg_type = match (name.schema.as_str(), name.name.as_str()) {
            ("public" | "pg_catalog", "timestamptz") => PgType::Timestamptz,
            ("public" | "pg_catalog", "bpchar") => PgType::Text,
            // In quotes, as dumps write them, types are names; a name of a type here parses as itself.
            ("public" | "pg_catalog", builtin) => match super::parse::parse_type(builtin)? {
                DataType::Custom(..) => {
                    return not_understood(format!("the type {object} is not known here"));
                }
                parsed => return self.resolve(&parsed),
            },
            _ => return not_understood(format!("the type {object} is not known here")),
        };
        Ok(Resolved { pg_type, domain: None })
    }
}

fn characters(length: Option<&CharacterLength>) -> Result<Option<u32>> {
    match length {
        None => Ok(None),
        Some(CharacterLength::IntegerLength { length, .. }) => Ok(u32::try_from(*length).ok()),
        Some(CharacterLength::Max) => not_understood("varchar(max) is not a type"),
    }
}

fn precision(info: ExactNumberInfo) -> Option<Precision> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return None,
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    Some(Precision { precision: precision as u32, scale: scale as i32 })
}

/// Types that refer to others, one of each for the whole process.
static ARRAYS: LazyLock<Mutex<HashMap<String, PgType>>> = LazyLock::new(Mutex::default);
type Enums = HashMap<(String, Vec<String>), &'static EnumType>;
static ENUMS: LazyLock<Mutex<Enums>> = LazyLock::new(Mutex::default);

/// An array of elements of a type.
pub fn array_of(element: PgType) -> PgType {
    let mut arrays = ARRAYS.lock().unwrap_or_else(PoisonError::into_inner);
    let array = || PgType::Array(Box::leak(Box::new(element)));
    *arrays.entry(format!("{element:?}")).or_insert_with(array)
}

fn enum_type(name: &str, labels: &[String]) -> &'static EnumType {
    let mut enums = ENUMS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || {
        let labels: Vec<&'static str> = labels.iter().map(|label| leak(label)).collect();
        let array_name = leak(&format!("{name}[]"));
        &*Box::leak(Box::new(EnumType { name: leak(name), array_name, labels: labels.leak() }))
    };
    enums.entry((name.to_owned(), labels.to_vec())).or_insert_with(made)
}

/// A schema lives as long as the process.
pub fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}
