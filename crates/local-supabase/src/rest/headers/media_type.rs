//! `Accept`.

use axum::http::HeaderMap;

use super::values::values;
use crate::rest::error::RestError;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Json,
    /// `application/vnd.pgrst.array+json;nulls=stripped`
    ArrayStripped,
    /// `application/vnd.pgrst.object+json`
    Object {
        stripped: bool,
    },
    Csv,
}

impl MediaType {
    /// The first acceptable form that there is.
    pub fn negotiate(headers: &HeaderMap) -> Result<Self, RestError> {
        let accepted = accepted(headers);
        if accepted.is_empty() {
            return Ok(Self::Json);
        }
        accepted
            .iter()
            .find_map(|range| Self::from_range(range))
            .ok_or_else(|| unavailable(&accepted))
    }

    fn from_range(range: &str) -> Option<Self> {
        let (name, parameters) = split(range);
        let stripped = parameters.replace(' ', "") == "nulls=stripped";
        Some(match name {
            "application/json" | "*/*" => Self::Json,
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" if stripped => {
                Self::ArrayStripped
            }
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => Self::Json,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
                Self::Object { stripped }
            }
            "text/csv" => Self::Csv,
            _ => return None,
        })
    }

    /// `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            Self::Object { stripped: false } => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::Object { stripped: true } => {
                "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
            }
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Whether the client takes the description of the API, which is all that the root has.
    pub fn check_root(headers: &HeaderMap) -> Result<(), RestError> {
        let accepted = accepted(headers);
        let known = ["application/openapi+json", "application/json", "*/*"];
        if accepted.is_empty() || accepted.iter().any(|range| known.contains(&split(range).0)) {
            return Ok(());
        }
        Err(unavailable(&accepted))
    }
}

/// The media ranges, those of higher quality first.
fn accepted(headers: &HeaderMap) -> Vec<&str> {
    let ranges = values(headers, "accept").flat_map(|value| value.split(','));
    let mut ranges: Vec<_> = ranges.map(str::trim).filter(|range| !range.is_empty()).collect();
    ranges.sort_by(|a, b| quality(b).total_cmp(&quality(a)));
    ranges
}

fn quality(range: &str) -> f32 {
    let parameters = range.split(';').skip(1);
    let quality = parameters.filter_map(|parameter| parameter.trim().strip_prefix("q=")).next();
    quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0)
}

fn split(range: &str) -> (&str, &str) {
    let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
    (name.trim(), parameters)
}

fn unavailable(accepted: &[&str]) -> RestError {
    let names = accepted.iter().map(|range| match split(range).0 {
        "application/vnd.pgrst.plan+json" => {
            "application/vnd.pgrst.plan+json; for=\"application/json\""
        }
        name => name,
    });
    RestError::media_type(&names.collect::<Vec<_>>().join(", "))
}
