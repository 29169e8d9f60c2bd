//! Parses environment variables and explains invalid ones.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use axum::http::uri::Authority;
use secrecy::SecretString;
use strsim::levenshtein;

use super::error::ConfigError;

/// The environment; an empty variable counts as unset.
pub(super) struct Env<'a> {
    variables: &'a HashMap<String, String>,
    /// The names of settings, as far as they have been read.
    settings: RefCell<BTreeSet<String>>,
}

/// Shorter names are similar to others by chance.
const MIN_NAME: usize = 8;

impl<'a> Env<'a> {
    pub(super) fn new(variables: &'a HashMap<String, String>) -> Self {
        Self { variables, settings: RefCell::default() }
    }

    /// A sentence about each variable that is almost a setting: nothing reads it.
    pub(super) fn misspelt(&self) -> Vec<String> {
        let settings = self.settings.borrow();
        let unread =
            self.names().filter(|name| name.len() >= MIN_NAME && !settings.contains(*name));
        let meant = |name: &str| settings.iter().find(|setting| levenshtein(name, setting) <= 2);
        let about = |name| {
            Some(format!("{name} is not a setting of this server; is {} meant?", meant(name)?))
        };
        let mut misspelt: Vec<_> = unread.filter_map(about).collect();
        misspelt.sort();
        misspelt
    }

    pub(super) fn get(&self, variable: &str) -> Option<String> {
        self.settings.borrow_mut().insert(variable.to_owned());
        self.variables.get(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    pub(super) fn text(&self, variable: &str, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    /// A comma-separated list.
    pub(super) fn list(&self, variable: &str, default: &str) -> Vec<String> {
        let text = self.text(variable, default);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    pub(super) fn secret(&self, variable: &str) -> Option<SecretString> {
        self.get(variable).map(SecretString::from)
    }

    pub(super) fn url(&self, variable: &str, default: &str) -> Result<String, ConfigError> {
        checked_url(variable, &self.text(variable, default))
    }

    pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &str,
        default: T,
    ) -> Result<T, ConfigError> {
        Ok(self.optional(variable)?.unwrap_or(default))
    }

    pub(super) fn optional<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(variable) else { return Ok(None) };
        let problem = |error: T::Err| format!("`{value}` {}", in_words(&error.to_string()));
        let parsed = value.parse().map_err(|error| ConfigError::new(variable, problem(error)));
        parsed.map(Some)
    }

    pub(super) fn positive(&self, variable: &str, default: usize) -> Result<usize, ConfigError> {
        match self.parsed(variable, default)? {
            0 => Err(ConfigError::new(variable, "must be more than 0")),
            value => Ok(value),
        }
    }

    pub(super) fn within(
        &self,
        variable: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let value = self.parsed(variable, default)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let problem = format!("must be {} to {}", range.start(), range.end());
        Err(ConfigError::new(variable, problem))
    }

    pub(super) fn seconds(&self, variable: &str, default: u32) -> Result<Duration, ConfigError> {
        match self.parsed(variable, default)? {
            0 => Err(ConfigError::new(variable, "must be at least 1 second")),
            value => Ok(Duration::from_secs(value.into())),
        }
    }

    pub(super) fn flag(&self, variable: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(value) = self.get(variable) else { return Ok(default) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(ConfigError::new(variable, format!("`{value}` is not true or false"))),
        }
    }

    /// One of the given words; the first is the default.
    pub(super) fn choice<T: Copy>(
        &self,
        variable: &str,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let value = self.text(variable, choices[0].0).to_ascii_lowercase();
        choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice).ok_or_else(
            || {
                let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
                ConfigError::new(variable, format!("`{value}` is not {}", words.join(" or ")))
            },
        )
    }
}

/// What the standard library says of a value, for people.
fn in_words(error: &str) -> String {
    match error {
        "invalid digit found in string" => "is not a whole number, in digits alone".to_owned(),
        "invalid socket address syntax" => {
            "is not an address and a port, such as 127.0.0.1:9090".to_owned()
        }
        _ if error.starts_with("number too ") => "is out of range".to_owned(),
        _ => format!("is not usable: {error}"),
    }
}

/// A line of `.env` that cannot be read is not shown whole: it may hold a secret.
pub(super) fn unreadable_file(error: &dotenvy::Error) -> ConfigError {
    let dotenvy::Error::LineParse(line, _) = error else {
        return ConfigError::new(".env", error.to_string());
    };
    let name = line.split(['=', ' ']).next().unwrap_or_default();
    let problem = format!(
        "the line that begins with `{name}` cannot be read. A line is NAME=value; a value with spaces or \
         quotation marks in it stands between quotation marks"
    );
    ConfigError::new(".env", problem)
}

pub(super) fn checked_url(variable: &str, value: &str) -> Result<String, ConfigError> {
    let problem = match reqwest::Url::parse(value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            return Ok(value.trim_end_matches('/').to_owned());
        }
        Err(error) if value.contains("://") => format!("is not a URL: {error}"),
        _ => "must begin with http:// or https://".to_owned(),
    };
    // It may have a password in it, as the address of a database has.
    let shown = if value.contains('@') { "the address".to_owned() } else { format!("`{value}`") };
    Err(ConfigError::new(variable, format!("{shown} {problem}")))
}

pub(super) fn checked_origin(variable: &str, value: &str) -> Result<String, ConfigError> {
    let url = checked_url(variable, value)?;
    match reqwest::Url::parse(&url) {
        Ok(parsed) if parsed.path() == "/" && parsed.query().is_none() => {
            Ok(parsed.origin().ascii_serialization())
        }
        _ => Err(ConfigError::new(
            variable,
            format!("`{value}` is not an origin such as https://app.example.com"),
        )),
    }
}

/// A host such as `api.example.com`, in lower case and without a port, or `*`.
pub(super) fn checked_host(variable: &'static str, value: &str) -> Result<String, ConfigError> {
    if value == "*" {
        return Ok(value.to_owned());
    }
    let bracketed = value.parse::<Ipv6Addr>().map(|address| format!("[{address}]"));
    let authority = bracketed.as_deref().unwrap_or(value).parse::<Authority>();
    match authority {
        Ok(authority) if !value.contains('@') && !value.contains('*') => {
            Ok(authority.host().trim_end_matches('.').to_ascii_lowercase())
        }
        _ => Err(ConfigError::new(
            variable,
            format!("`{value}` is not a host such as api.example.com"),
        )),
    }
}
