//! The formats of texts that are looked at.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Whether a text has the format of its schema; `Err` is what is wrong. Other formats are not looked at.
pub(super) fn is_of_format(schema: &Map<String, Value>, text: &str) -> Result<(), String> {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let (fits, words) = match format {
        "date-time" => {
            let fits = is_date_time(text);
            (fits, "a date-time, such as 2026-01-31T08:30:00Z")
        }
        "date" => (text.len() == 10 && text.parse::<Date>().is_ok(), "a date, such as 2026-01-31"),
        "time" => (is_time(text), "a time, such as 08:30:00Z"),
        "uuid" => (text.len() == 36 && Uuid::try_parse(text).is_ok(), "a uuid"),
        "email" => (is_email(text), "an email address"),
        "uri" => (is_uri(text), "a uri with its scheme, such as https://example.com/"),
        "ipv4" => (text.parse::<Ipv4Addr>().is_ok(), "an ipv4 address"),
        "ipv6" => (text.parse::<Ipv6Addr>().is_ok(), "an ipv6 address"),
        "hostname" => (is_hostname(text), "a hostname"),
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(format!("must be {words}")) }
}

/// With an offset, as RFC 3339 has it.
fn is_date_time(text: &str) -> bool {
    text.contains(['T', 't', ' ']) && text.parse::<Timestamp>().is_ok()
}

/// The offset may be absent: databases have times without.
fn is_time(text: &str) -> bool {
    let end = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    text[..end].parse::<Time>().is_ok()
}

fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && is_hostname(host) && !text.contains(char::is_whitespace)
    })
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    scheme.is_some_and(is_scheme) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats() {
        for (format, fit, misfits) in [
            (
                "date-time",
                "2026-01-31T08:30:00.5+01:00",
                vec!["2026-01-31", "2026-02-31T08:30:00Z"],
            ),
            ("date", "2026-02-28", vec!["2026-02-30", "28.2.2026"]),
            ("time", "08:30:00Z", vec!["25:00:00Z", "8"]),
            (
                "uuid",
                "018f3c1e-7b1a-7000-8000-000000000000",
                vec!["018f3c1e7b1a70008000000000000000"],
            ),
            ("email", "a.b+c@d.example", vec!["@d", "a@", "a b@c", "a@-b"]),
            ("uri", "https://example.com/?a=b", vec!["example.com", "1:2", "a: b"]),
            ("ipv4", "127.0.0.1", vec!["127.0.0.01", "::1"]),
            ("ipv6", "::1", vec!["127.0.0.1"]),
            ("hostname", "a-b.example", vec!["", "a..b", "-a"]),
            ("color", "anything", vec![]),
        ] {
            let schema = json!({ "format": format });
            let fits = |text: &str| is_of_format(schema.as_object().unwrap(), text).is_ok();
            assert!(fits(fit), "{format}");
            misfits.iter().for_each(|misfit| assert!(!fits(misfit), "{format}: {misfit}"));
        }
    }
}
