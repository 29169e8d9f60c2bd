//! In whose name an endpoint is asked: constant headers, secrets, the caller's own token.

use std::collections::BTreeMap;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::secrets::{Scrubber, expand};
use super::setup::Setup;
use crate::agent::Credentials;
use crate::config::file::http::HttpAuth;

/// Headers that belong to the connection, that this server sets itself, or that forge where a request is from.
const FORBIDDEN: [&str; 17] = [
    "accept-encoding",
    "apikey",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-chat-user",
];
const FORBIDDEN_PREFIXES: [&str; 3] = ["proxy-", "sec-", "x-forwarded-"];

/// In whose name an endpoint is asked.
pub struct Access {
    headers: HeaderMap,
    /// Whether the caller's token is sent.
    pub as_user: bool,
    user_header: bool,
    secrets: Vec<SecretString>,
}

/// What an entry of the file says about it.
pub struct AccessRules<'a> {
    /// Constant headers.
    pub headers: &'a BTreeMap<String, String>,
    /// Who asks.
    pub auth: &'a HttpAuth,
    /// Whether the user's id is sent.
    pub user_header: bool,
}

impl Access {
    /// Checks what the file says about an endpoint at `url`. `Err` begins with the field.
    pub fn new(rules: &AccessRules<'_>, setup: &Setup<'_>, url: &Url) -> Result<Self, String> {
        let mut access = Self {
            headers: HeaderMap::new(),
            as_user: matches!(rules.auth, HttpAuth::User),
            user_header: rules.user_header,
            secrets: Vec::new(),
        };
        for (name, value) in rules.headers {
            access
                .add(name, value, setup)
                .map_err(|problem| format!("headers.{name}: {problem}"))?;
        }
        match rules.auth {
            HttpAuth::Secret { header, value } => {
                access
                    .add(header, value, setup)
                    .map_err(|problem| format!("auth.header: {problem}"))?;
            }
            HttpAuth::User if access.headers.contains_key(AUTHORIZATION) => {
                return Err(
                    "headers.Authorization: with auth.kind \"user\" it is the caller's token"
                        .into(),
                );
            }
            HttpAuth::User | HttpAuth::None => {}
        }
        if rules.user_header && !matches!(rules.auth, HttpAuth::Secret { .. }) {
            return Err("user_header: needs auth.kind \"secret\": without one anybody could send the header".into());
        }
        if let Some(project) = setup.project
            && access.as_user
            && Url::parse(&project.url).is_ok_and(|own| own.origin() == url.origin())
        {
            let key = sensitive(project.anon_key.expose_secret());
            access
                .headers
                .insert("apikey", key.ok_or("auth: the project's key fits into no header")?);
        }
        Ok(access)
    }

    fn add(&mut self, name: &str, value: &str, setup: &Setup<'_>) -> Result<(), String> {
        let (value, secrets) = expand(value, setup.secrets)?;
        let header = header_name(name)?;
        if self.headers.contains_key(&header) {
            return Err("is there twice".into());
        }
        let value = sensitive(&value).ok_or("its value must be one line of visible characters")?;
        self.headers.insert(header, value);
        self.secrets.extend(secrets);
        Ok(())
    }

    /// The headers of a request in the name of this user.
    pub fn headers(&self, credentials: &Credentials) -> HeaderMap {
        let mut headers = self.headers.clone();
        if self.as_user {
            let token = credentials.token();
            headers.extend(
                sensitive(&format!("Bearer {}", token.expose_secret()))
                    .map(|value| (AUTHORIZATION, value)),
            );
        }
        if self.user_header {
            let user = HeaderValue::from_str(&credentials.user_id.to_string());
            headers.extend(user.ok().map(|user| (HeaderName::from_static("x-chat-user"), user)));
        }
        headers
    }

    /// What no answer may show: the file's secrets, and this token.
    pub fn scrubber<'a>(&'a self, token: &'a str) -> Scrubber<'a> {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        Scrubber::new(secrets.chain([token]))
    }
}

/// A header that may be sent.
pub fn header_name(name: &str) -> Result<HeaderName, String> {
    let header =
        HeaderName::try_from(name).map_err(|_| format!("`{name}` is not a header's name"))?;
    let name = header.as_str();
    let is_forbidden = FORBIDDEN.contains(&name)
        || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    match is_forbidden {
        true => {
            Err(format!("`{name}` cannot be set: it belongs to the connection or to this server"))
        }
        false => Ok(header),
    }
}

/// A header's value that is not printed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
