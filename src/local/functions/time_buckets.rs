//! `private.bucket_starts` and `private.local_text`: spans of local time.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

use crate::local_supabase::functions::RestError;

const MINUTE: i64 = 60_000_000;
const QUARTER: i64 = 15 * MINUTE;
const HOUR: i64 = 60 * MINUTE;
const MAX_BUCKETS: usize = 10_000;
/// How many of the shortest buckets there may be before it is worth counting.
const MAX_SHORTEST: i64 = 14_000;

/// The buckets of a time span: microseconds since 1970, in order. One ends where the next begins.
pub(super) struct TimeBuckets {
    starts: Vec<i64>,
    zone: TimeZone,
}

impl TimeBuckets {
    /// The buckets that hold the time from `from`, inclusive, to `to`, exclusive.
    pub fn new(from: i64, to: i64, interval: &str, zone: &str) -> Result<Self, RestError> {
        let shortest = match interval {
            "hour" => 45 * MINUTE,
            "day" => 18 * HOUR,
            "week" => 126 * HOUR,
            "month" => 504 * HOUR,
            other => return Err(invalid_argument(format!("interval \"{other}\" not recognized"))),
        };
        if from >= to {
            return Err(invalid_argument("the time span is empty"));
        }
        if to - from > shortest * MAX_SHORTEST {
            return Err(too_many());
        }
        let zone = TimeZone::get(zone)
            .map_err(|_| invalid_argument(format!("time zone \"{zone}\" not recognized")))?;
        let mut starts = if interval == "hour" {
            hours(from, to, &zone)
        } else {
            days(from, to, interval, &zone)
        };
        // Where clocks change by half an hour, the first may be over before the span begins.
        let over = starts.iter().skip(1).take_while(|start| **start <= from).count();
        starts.drain(..over);
        if starts.len() > MAX_BUCKETS { Err(too_many()) } else { Ok(Self { starts, zone }) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Which of them a time that is within the span falls into.
    pub fn find(&self, at: i64) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Their starts with the zone's offset: `2026-03-29T00:00:00+01:00`.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.starts.iter().map(|start| label(*start, &self.zone))
    }
}

/// Clocks change at quarters of an hour.
fn hours(from: i64, to: i64, zone: &TimeZone) -> Vec<i64> {
    let begins = |at: &i64| full_hour(*at, zone) != full_hour(*at - 1, zone);
    let first = full_hour(from, zone);
    (first..to).step_by(QUARTER as usize).filter(begins).collect()
}

/// The full hour before a time, by the offset in force at that time.
fn full_hour(at: i64, zone: &TimeZone) -> i64 {
    let offset = i64::from(zone.to_offset(timestamp(at)).seconds()) * 1_000_000;
    (at + offset).div_euclid(HOUR) * HOUR - offset
}

fn days(from: i64, to: i64, interval: &str, zone: &TimeZone) -> Vec<i64> {
    let first = zone.to_datetime(timestamp(from)).date();
    let (first, step): (Date, Span) = match interval {
        "month" => (first.first_of_month(), 1.month()),
        "week" => {
            let since_monday = i64::from(first.weekday().to_monday_zero_offset());
            (first.saturating_sub(since_monday.days()), 1.week())
        }
        _ => (first, 1.day()),
    };
    let last = zone.to_datetime(timestamp(to - 1));
    let dates = first.series(step).map(|date| date.to_datetime(jiff::civil::Time::midnight()));
    let mut starts: Vec<_> =
        dates.take_while(|start| *start <= last).map(|start| local_start(start, zone)).collect();
    starts.dedup();
    starts
}

/// `private.local_start`: of two the first, of none the first after.
fn local_start(at: DateTime, zone: &TimeZone) -> i64 {
    let start = zone.to_ambiguous_timestamp(at).compatible();
    start.unwrap_or(Timestamp::MAX).as_microsecond()
}

fn label(at: i64, zone: &TimeZone) -> String {
    let (local, offset) = (zone.to_datetime(timestamp(at)), zone.to_offset(timestamp(at)));
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    format!("{}{sign}{hours:02}:{minutes:02}", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn timestamp(micros: i64) -> Timestamp {
    let out_of_range = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(out_of_range)
}

/// The midnight in UTC before a time.
pub(super) fn utc_midnight(at: i64) -> i64 {
    let day = SignedDuration::from_hours(24).as_micros() as i64;
    at - at.rem_euclid(day)
}

fn too_many() -> RestError {
    invalid_argument("more than 10000 buckets")
}

/// An argument that means nothing.
pub(super) fn invalid_argument(message: impl Into<String>) -> RestError {
    RestError::sql("22023", message)
}

#[cfg(test)]
mod tests {
    use super::TimeBuckets;

    fn labels(from: &str, to: &str, interval: &str, zone: &str) -> Vec<String> {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        TimeBuckets::new(at(from), at(to), interval, zone).unwrap().labels().collect()
    }

    #[test]
    fn the_hour_that_is_repeated_is_two_and_the_skipped_one_none() {
        assert_eq!(
            labels("2026-10-24T23:30:00Z", "2026-10-25T02:00:00Z", "hour", "Europe/Berlin"),
            ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
        );
        assert_eq!(
            labels("2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z", "hour", "Europe/Berlin"),
            ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]
        );
    }

    #[test]
    fn hours_begin_at_the_zones_full_hours() {
        assert_eq!(
            labels("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "hour", "Asia/Kathmandu"),
            ["2026-01-01T05:00:00+05:45", "2026-01-01T06:00:00+05:45"]
        );
        assert_eq!(
            labels("2026-10-03T15:45:00Z", "2026-10-03T16:30:00Z", "hour", "Australia/Lord_Howe"),
            ["2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"]
        );
    }

    #[test]
    fn days_begin_at_their_first_instant() {
        // The clocks of Havana show midnight twice, those of Cairo skip it.
        assert_eq!(
            labels("2026-10-31T12:00:00Z", "2026-11-01T06:00:00Z", "day", "America/Havana"),
            ["2026-10-31T00:00:00-04:00", "2026-11-01T00:00:00-04:00"]
        );
        assert_eq!(
            labels("2026-04-24T00:00:00Z", "2026-04-24T12:00:00Z", "day", "Africa/Cairo"),
            ["2026-04-24T01:00:00+03:00"]
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        assert_eq!(
            labels("2026-11-01T12:00:00Z", "2026-11-09T00:00:00Z", "week", "UTC"),
            ["2026-10-26T00:00:00+00:00", "2026-11-02T00:00:00+00:00"]
        );
        assert_eq!(
            labels("2026-02-28T23:30:00Z", "2026-04-01T00:00:00Z", "month", "Europe/Berlin"),
            ["2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"]
        );
    }

    #[test]
    fn ten_thousand_at_the_most() {
        let hour = 3_600_000_000;
        assert_eq!(TimeBuckets::new(0, 10_000 * hour, "hour", "UTC").unwrap().len(), 10_000);
        assert!(TimeBuckets::new(0, 10_000 * hour + 1, "hour", "UTC").is_err());
        assert!(TimeBuckets::new(0, i64::MAX, "month", "UTC").is_err());
        assert!(TimeBuckets::new(1, 1, "day", "UTC").is_err());
        assert!(TimeBuckets::new(0, 1, "day", "Mars/Olympus").is_err());
    }
}
