//! Time ranges as clients write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::validate::Checks;

/// A range without a start is this long: 30 days.
const DEFAULT_LENGTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A time range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimeRangeQuery {
    /// Start of the range, inclusive: an RFC 3339 timestamp, or a date, which means its first instant
    /// in the time zone. Defaults to 30 days before the end.
    #[param(example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// End of the range, exclusive, in the same notation. Defaults to the current time.
    #[param(example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
}

/// A checked [`TimeRangeQuery`].
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct TimeRange {
    pub(in crate::api) from: Option<Timestamp>,
    pub(in crate::api) to: Option<Timestamp>,
}

impl TimeRangeQuery {
    /// The bounds that were given; 422 if they are invalid or in the wrong order.
    pub(in crate::api) fn checked(
        &self,
        zone: &TimeZone,
        clock: &Clock,
    ) -> Result<TimeRange, ApiError> {
        let mut checks = Checks::default();
        let mut read = |pointer, text: &Option<String>| {
            let moment = text.as_deref().map(|text| moment(text, zone));
            if moment == Some(None) {
                checks.refuse(pointer, "must be a time such as 2026-11-01T00:00:00Z, or a date");
            }
            moment.flatten()
        };
        let range = TimeRange { from: read("/from", &self.from), to: read("/to", &self.to) };
        let to = range.to.unwrap_or_else(|| clock.now());
        if range.from.is_some_and(|from| from >= to) {
            checks.refuse("/from", "must be before the end");
        }
        checks.finish()?;
        Ok(range)
    }
}

impl TimeRange {
    /// The start; without one, as long before the end as the default says.
    pub(in crate::api) fn start(&self, clock: &Clock) -> Timestamp {
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
pub(in crate::api) fn time_zone(name: Option<&str>) -> Result<TimeZone, ApiError> {
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
