//! One request that a model can make: where its arguments go.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use serde_json::{Map, Value};

use super::template::{UrlTemplate, text_of};

/// The longest body, in bytes.
const MAX_BODY: usize = 1 << 20;

/// One request that a model can make.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: UrlTemplate,
    /// Headers whose value is an argument's.
    pub headers: Vec<(HeaderName, String)>,
    /// What the body is.
    pub body: BodyRule,
    /// The body's media type.
    pub media_type: String,
}

/// What the body of a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// Nothing.
    None,
    /// An object of the arguments that are nowhere else.
    Rest,
    /// The value of an argument.
    Argument(String),
}

impl Operation {
    /// Whether nothing is changed by it, by its method.
    pub fn is_safe(&self) -> bool {
        self.method == Method::GET
    }

    /// The names of all arguments that have a place outside of an object of the rest.
    pub fn placed(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter().map(|(_, argument)| argument.as_str());
        let body = match &self.body {
            BodyRule::Argument(name) => Some(name.as_str()),
            BodyRule::None | BodyRule::Rest => None,
        };
        self.url.path_arguments().chain(self.url.query_arguments()).chain(headers).chain(body)
    }

    /// The request with these arguments, beside these headers. `Err` is a sentence for the model.
    pub fn request(
        &self,
        arguments: &Value,
        mut headers: HeaderMap,
        timeout: Duration,
    ) -> Result<Request, String> {
        let arguments = arguments.as_object().ok_or("The arguments must be a JSON object.")?;
        let url = self
            .url
            .fill(arguments)
            .map_err(|problem| format!("The arguments do not fit: {problem}"))?;
        for (header, argument) in &self.headers {
            let Some(value) = arguments.get(argument).filter(|value| !value.is_null()) else {
                continue;
            };
            let wrong = || {
                format!(
                    "The arguments do not fit: /{argument} must be one line of visible characters."
                )
            };
            let value =
                text_of(argument, value).ok().and_then(|text| HeaderValue::from_str(&text).ok());
            headers.insert(header, value.ok_or_else(wrong)?);
        }
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("application/json, text/*;q=0.9, */*;q=0.5"));
        let mut request = Request::new(self.method.clone(), url);
        if let Some(body) = self.body(arguments) {
            if body.len() > MAX_BODY {
                return Err(format!(
                    "The arguments are too long: at most {MAX_BODY} bytes can be sent."
                ));
            }
            let media_type = HeaderValue::from_str(&self.media_type);
            headers.extend(media_type.ok().map(|media_type| (CONTENT_TYPE, media_type)));
            *request.body_mut() = Some(Body::from(body));
        }
        *request.headers_mut() = headers;
        *request.timeout_mut() = Some(timeout);
        Ok(request)
    }

    fn body(&self, arguments: &Map<String, Value>) -> Option<String> {
        match &self.body {
            BodyRule::None => None,
            BodyRule::Argument(name) => arguments.get(name).map(Value::to_string),
            BodyRule::Rest => {
                let placed: Vec<_> = self.placed().collect();
                let rest = arguments.iter().filter(|(name, _)| !placed.contains(&name.as_str()));
                let rest: Map<_, _> =
                    rest.map(|(name, value)| (name.clone(), value.clone())).collect();
                Some(Value::Object(rest).to_string())
            }
        }
    }
}
