//! From one type to another.

use sqlparser::ast::DataType;

use sqlparser::ast::Expr;

use super::literal;
use super::translator::Translator;
use super::value::{Kind, Value, boolean};
use crate::migrations::not_understood::{Result, not_understood};
use crate::schema::PgType;

impl Translator<'_> {
    /// `value::type`
    pub(super) fn cast(&mut self, value: Value, data_type: &DataType) -> Result<Value> {
        // Only names a sequence, which is met elsewhere.
        let resolved = self.catalogue.resolve(data_type)?;
        if resolved.domain.is_some() {
            return not_understood(format!("a cast to the domain {data_type} is not implemented"));
        }
        self.cast_to(value, resolved.pg_type)
    }

    pub fn cast_to(&mut self, value: Value, target: PgType) -> Result<Value> {
        let from = match &value.kind {
            Kind::Of(from) => *from,
            Kind::Months(_) if target == PgType::Interval => return Ok(value),
            Kind::Literal(text) if target == PgType::Interval => {
                return super::interval::parse(text);
            }
            _ => return Ok(Value::new(self.coerce(value, target)?, target)),
        };
        let sql = value.sql.clone();
        let sql = match (from, target) {
            _ if from == target => sql,
            (_, PgType::Varchar(Some(length))) => {
                format!("substr({}, 1, {length})", self.printed(value)?)
            }
            (_, PgType::Char(_)) => {
                return not_understood("a cast to character is not implemented");
            }
            (_, t) if t.is_text() => self.printed(value)?,
            (PgType::Json | PgType::Jsonb, PgType::Jsonb | PgType::Json) => sql,
            (
                PgType::Jsonb,
                PgType::Boolean | PgType::Integer | PgType::Bigint | PgType::NUMERIC,
            ) => input(&format!("jsonb_get_text({sql}, '[]')"), target)?,
            (t, PgType::Enum(enumeration)) if t.is_text() => {
                let labels = serde_json::Value::from(enumeration.labels).to_string();
                let (name, labels) =
                    (literal::quoted(enumeration.name)?, literal::quoted(&labels)?);
                format!("enum_input({name}, {labels}, {sql})")
            }
            (t, _) if t.is_text() => input(&sql, target)?,
            (t, PgType::Boolean) if t.is_integer() => return Ok(boolean(&format!("{sql} <> 0"))),
            (PgType::Boolean, PgType::Integer) => sql,
            (a, b) if a.is_number() && b.is_integer() => {
                if a.is_integer() {
                    sql
                } else {
                    format!("cast(round({sql}) as integer)")
                }
            }
            (a, b) if a.is_number() && b.is_number() => match b {
                PgType::Numeric(Some(precision)) => {
                    format!("round({sql}, {})", precision.scale.max(0))
                }
                _ => format!("cast({sql} as real)"),
            },
            (PgType::Timestamp | PgType::Timestamptz, PgType::Date) => format!("day_of({sql})"),
            (PgType::Timestamp | PgType::Timestamptz, PgType::Time) => {
                format!("({sql} - day_of({sql}) * 86400000000)")
            }
            _ => self.coerce(value, target)?,
        };
        Ok(Value::new(sql, target))
    }

    /// A value as one of a type, which it must be or become unasked.
    pub fn coerce(&mut self, value: Value, target: PgType) -> Result<String> {
        let from = match &value.kind {
            Kind::Null => return Ok("null".to_owned()),
            Kind::Literal(text) => return literal::typed(text, target),
            Kind::Months(_) => return not_understood("months have no fixed length"),
            Kind::Of(from) => *from,
        };
        Ok(match (from, target) {
            _ if from == target => value.sql,
            _ if from.is_text() && target.is_text() => value.sql,
            _ if from.is_integer() && target.is_integer() => value.sql,
            (PgType::Array(a), PgType::Array(b)) if a.is_text() && b.is_text() => value.sql,
            (a, b) if a.is_integer() && b.is_number() => format!("cast({} as real)", value.sql),
            (a, b) if a.is_number() && b.is_number() && !b.is_integer() => value.sql,
            (PgType::Date, PgType::Timestamp | PgType::Timestamptz) => {
                format!("({} * 86400000000)", value.sql)
            }
            (PgType::Timestamp, PgType::Timestamptz) | (PgType::Timestamptz, PgType::Timestamp) => {
                value.sql
            }
            _ => return not_understood(format!("{} is not {}", from.name(), target.name())),
        })
    }

    /// A value as a column takes it: texts become enums and the like only if they are constants, but
    /// numbers are rounded and times cut.
    pub fn assigned(&mut self, expr: &Expr, target: PgType) -> Result<String> {
        let value = self.expr(expr)?;
        self.assign(value, target)
    }

    pub(super) fn assign(&mut self, value: Value, target: PgType) -> Result<String> {
        match value.kind {
            Kind::Of(from) if from != target => {
                let is_assignment = from.is_number() && target.is_number()
                    || matches!(from, PgType::Timestamp | PgType::Timestamptz)
                        && matches!(target, PgType::Date | PgType::Time)
                    || target == PgType::Text;
                if is_assignment {
                    return Ok(self.cast_to(value, target)?.sql);
                }
                self.coerce(value, target)
            }
            _ => self.coerce(value, target),
        }
    }

    /// `::text`
    pub(super) fn printed(&mut self, value: Value) -> Result<String> {
        let pg_type = match &value.kind {
            Kind::Of(pg_type) => *pg_type,
            _ => return self.coerce(value, PgType::Text),
        };
        let sql = value.sql;
        Ok(match pg_type {
            PgType::Text
            | PgType::Varchar(_)
            | PgType::Uuid
            | PgType::Json
            | PgType::Jsonb
            | PgType::Enum(_) => sql,
            PgType::Boolean => format!("case {sql} when 1 then 'true' when 0 then 'false' end"),
            t if t.is_integer() => format!("cast({sql} as text)"),
            PgType::Numeric(_) => format!("numeric_text({sql})"),
            PgType::Timestamptz => format!("timestamptz_text({sql})"),
            other => return not_understood(format!("{} as text", other.name())),
        })
    }
}

/// A text as PostgreSQL reads the input of a type, which fails where it is none.
fn input(sql: &str, target: PgType) -> Result<String> {
    match target {
        PgType::Uuid
        | PgType::Integer
        | PgType::Bigint
        | PgType::Smallint
        | PgType::Boolean
        | PgType::Numeric(None)
        | PgType::Timestamptz
        | PgType::Jsonb => Ok(format!("type_input('{}', {sql})", target.name())),
        other => not_understood(format!("a cast of text to {}", other.name())),
    }
}
