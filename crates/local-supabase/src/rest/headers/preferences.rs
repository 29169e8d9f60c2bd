//! `Prefer` and `Preference-Applied`.

use axum::http::HeaderMap;

use super::values::values;
use crate::rest::error::RestError;

/// What a client prefers. Where a preference is stated twice, the first counts.
#[derive(Debug, Default, PartialEq)]
pub struct Preferences {
    pub resolution: Option<Resolution>,
    pub missing: Option<Missing>,
    pub returns: Option<Return>,
    pub count: Option<Count>,
    pub handling: Option<Handling>,
    pub max_affected: Option<u64>,
    invalid: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resolution {
    MergeDuplicates,
    IgnoreDuplicates,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing {
    Default,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Return {
    Minimal,
    HeadersOnly,
    Representation,
}

/// There are no query plans here to estimate from: every count is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    Exact,
    Planned,
    Estimated,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Handling {
    Strict,
    Lenient,
}

impl Preferences {
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        for preference in values(headers, "prefer").flat_map(|value| value.split(',')) {
            preferences.add(preference.trim());
        }
        preferences
    }

    fn add(&mut self, preference: &str) {
        match preference {
            "resolution=merge-duplicates" => set(&mut self.resolution, Resolution::MergeDuplicates),
            "resolution=ignore-duplicates" => {
                set(&mut self.resolution, Resolution::IgnoreDuplicates);
            }
            "missing=default" => set(&mut self.missing, Missing::Default),
            "missing=null" => set(&mut self.missing, Missing::Null),
            "return=minimal" => set(&mut self.returns, Return::Minimal),
            "return=headers-only" => set(&mut self.returns, Return::HeadersOnly),
            "return=representation" => set(&mut self.returns, Return::Representation),
            "count=exact" => set(&mut self.count, Count::Exact),
            "count=planned" => set(&mut self.count, Count::Planned),
            "count=estimated" => set(&mut self.count, Count::Estimated),
            "handling=strict" => set(&mut self.handling, Handling::Strict),
            "handling=lenient" => set(&mut self.handling, Handling::Lenient),
            "tx=commit" | "tx=rollback" => {}
            other => match other.strip_prefix("max-affected=") {
                Some(rows) => set_some(&mut self.max_affected, rows.parse().ok()),
                None => self.invalid.push(other.to_owned()),
            },
        }
    }

    /// Refuses unknown preferences if handling is strict.
    pub fn check(&self) -> Result<(), RestError> {
        if self.handling == Some(Handling::Strict) && !self.invalid.is_empty() {
            return Err(RestError::invalid_preferences(&self.invalid.join(", ")));
        }
        Ok(())
    }

    /// Refuses a statement that touches more rows than the client allows.
    pub fn check_affected(&self, rows: usize) -> Result<(), RestError> {
        match self.strict_max_affected() {
            Some(max) if rows as u64 > max => Err(RestError::max_affected(rows)),
            _ => Ok(()),
        }
    }

    /// `max-affected` counts only when handling is strict.
    pub fn strict_max_affected(&self) -> Option<u64> {
        self.max_affected.filter(|_| self.handling == Some(Handling::Strict))
    }

    /// `Preference-Applied`, of the preferences with these names.
    pub fn applied(&self, names: &[&str]) -> Option<String> {
        let applied: Vec<_> = self
            .stated()
            .into_iter()
            .flatten()
            .filter(|text| names.iter().any(|name| text.split('=').next() == Some(name)))
            .collect();
        (!applied.is_empty()).then(|| applied.join(", "))
    }

    fn stated(&self) -> [Option<String>; 6] {
        [
            self.resolution.map(|resolution| match resolution {
                Resolution::MergeDuplicates => "resolution=merge-duplicates".to_owned(),
                Resolution::IgnoreDuplicates => "resolution=ignore-duplicates".to_owned(),
            }),
            self.missing.map(|missing| match missing {
                Missing::Default => "missing=default".to_owned(),
                Missing::Null => "missing=null".to_owned(),
            }),
            self.returns.map(|returns| match returns {
                Return::Minimal => "return=minimal".to_owned(),
                Return::HeadersOnly => "return=headers-only".to_owned(),
                Return::Representation => "return=representation".to_owned(),
            }),
            self.count.map(|count| match count {
                Count::Exact => "count=exact".to_owned(),
                Count::Planned => "count=planned".to_owned(),
                Count::Estimated => "count=estimated".to_owned(),
            }),
            self.handling.map(|handling| match handling {
                Handling::Strict => "handling=strict".to_owned(),
                Handling::Lenient => "handling=lenient".to_owned(),
            }),
            self.strict_max_affected().map(|rows| format!("max-affected={rows}")),
        ]
    }
}

fn set<T>(preference: &mut Option<T>, value: T) {
    preference.get_or_insert(value);
}

fn set_some<T>(preference: &mut Option<T>, value: Option<T>) {
    *preference = preference.take().or(value);
}
