//! What two values have in common.

use super::translator::Translator;
use super::value::Kind;
use crate::migrations::not_understood::{Result, not_understood};
use crate::schema::PgType;

impl Translator<'_> {
    /// The type that two values have in common when they meet.
    pub(super) fn common(&self, a: &Kind, b: &Kind) -> Result<Kind> {
        use PgType::{Array, Date, Timestamp, Timestamptz};
        let (a, b) = match (a, b) {
            (Kind::Months(_), _) | (_, Kind::Months(_)) => {
                return not_understood("months have no fixed length");
            }
            (Kind::Of(a), Kind::Of(b)) => (*a, *b),
            (Kind::Of(known), _) | (_, Kind::Of(known)) => return Ok(Kind::Of(*known)),
            (Kind::Literal(text), _) | (_, Kind::Literal(text)) => {
                return Ok(Kind::Literal(text.clone()));
            }
            (Kind::Null, Kind::Null) => return Ok(Kind::Null),
        };
        let common = match (a, b) {
            _ if a == b => a,
            _ if a.is_text() && b.is_text() => PgType::Text,
            _ if a.is_number() && b.is_number() => wider(a, b),
            (Date | Timestamp, Timestamptz) | (Timestamptz, Date | Timestamp) => Timestamptz,
            (Date, Timestamp) | (Timestamp, Date) => Timestamp,
            (Array(x), Array(y)) if x.is_text() && y.is_text() => a,
            _ => {
                return not_understood(format!("{} and {} do not go together", a.name(), b.name()));
            }
        };
        Ok(Kind::Of(common))
    }

    /// Refuses two values whose stored forms cannot be compared as they are.
    pub(super) fn require_comparable(&self, a: &Kind, b: &Kind) -> Result<()> {
        let same = match (a, b) {
            (Kind::Of(a), Kind::Of(b)) => {
                a == b || a.is_text() && b.is_text() || a.is_number() && b.is_number()
            }
            _ => false,
        };
        if same { Ok(()) } else { not_understood("values of different types are compared") }
    }
}

fn wider(a: PgType, b: PgType) -> PgType {
    let rank = |t: PgType| match t {
        PgType::Smallint => 0,
        PgType::Integer => 1,
        PgType::Bigint => 2,
        PgType::Numeric(_) => 3,
        PgType::Real => 4,
        _ => 5,
    };
    let wider = if rank(a) >= rank(b) { a } else { b };
    if matches!(wider, PgType::Numeric(_)) { PgType::NUMERIC } else { wider }
}
