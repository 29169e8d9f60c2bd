//! Time spans as clients write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::validate::Checks;

/// Without a beginning, a span is this long: 30 days.
const DEFAULT_LENGTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Which time, as a client writes it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpanQuery {
    /// The beginning, inclusive: RFC 3339, or a date, which means its first instant in the time
    /// zone. 30 days before the end where it is left out.
    #[param(example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// The end, exclusive, likewise. Now where it is left out.
    #[param(example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
}

/// A checked [`SpanQuery`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

impl SpanQuery {
    /// The bounds that were given; 422 where they are none or in the wrong order.
    pub(super) fn checked(&self, zone: &TimeZone, clock: &Clock) -> Result<Span, ApiError> {
        let mut checks = Checks::default();
        let mut read = |pointer, text: &Option<String>| {
            let moment = text.as_deref().map(|text| moment(text, zone));
            if moment == Some(None) {
                checks.refuse(pointer, "must be a time such as 2026-11-01T00:00:00Z, or a date");
            }
            moment.flatten()
        };
        let span = Span { from: read("/from", &self.from), to: read("/to", &self.to) };
        let to = span.to.unwrap_or_else(|| clock.now());
        if span.from.is_some_and(|from| from >= to) {
            checks.refuse("/from", "must be before the end");
        }
        checks.finish()?;
        Ok(span)
    }
}

impl Span {
    /// The beginning, where the end is the one given or now.
    pub(super) fn start(&self, clock: &Clock) -> Timestamp {
        let to = self.to.unwrap_or_else(|| clock.now());
        self.from.unwrap_or_else(|| to.saturating_sub(DEFAULT_LENGTH).unwrap_or(Timestamp::MIN))
    }
}

/// In a query string that was not escaped, a plus sign has become a space.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let time = text.parse().or_else(|_| text.replace(' ', "+").parse()).ok();
    let date = || text.parse::<Date>().ok().filter(|_| text.len() == 10);
    time.or_else(|| Some(date()?.to_zoned(zone.clone()).ok()?.timestamp()))
}

/// The zone with this IANA name, UTC without one; 422 where there is none.
pub(super) fn time_zone(name: Option<&str>) -> Result<TimeZone, ApiError> {
    let name = name.unwrap_or("UTC");
    let is_name = |name: &&str| {
        name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-/".contains(&b))
    };
    Some(name).filter(is_name).and_then(|name| TimeZone::get(name).ok()).ok_or_else(|| {
        ApiError::invalid("/time_zone", "must be an IANA time zone such as Europe/Berlin")
    })
}

#[cfg(test)]
mod tests {
    use super::{moment, time_zone};

    #[test]
    fn moments() {
        let berlin = time_zone(Some("Europe/Berlin")).unwrap();
        for (text, moment_in_utc) in [
            ("2026-11-01T00:00:00Z", Some("2026-11-01T00:00:00Z")),
            ("2026-11-01T00:00:00+01:00", Some("2026-10-31T23:00:00Z")),
            ("2026-11-01T00:00:00 01:00", Some("2026-10-31T23:00:00Z")),
            ("2026-07-01", Some("2026-06-30T22:00:00Z")),
            ("2026-13-01", None),
            ("yesterday", None),
            ("", None),
        ] {
            let read = moment(text, &berlin).map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), moment_in_utc, "{text}");
        }
    }

    #[test]
    fn zones_have_names() {
        assert!(time_zone(None).is_ok());
        for name in ["Mars/Olympus", "", "../etc/passwd", "+01:00", "UTC0"] {
            assert!(time_zone(Some(name)).is_err(), "{name}");
        }
    }
}
