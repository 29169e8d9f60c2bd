//! The address of an endpoint, in which `{x}` stands for an argument. A value is always one segment of the path
//! or one value of the query: it cannot reach another host or path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;
use serde_json::{Map, Value};

/// What is not escaped: the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The longest value, in bytes.
const MAX_VALUE: usize = 2_048;
/// The most values of a list in the query.
const MAX_LIST: usize = 100;

/// The address of an endpoint.
#[derive(Clone, Debug)]
pub struct UrlTemplate {
    /// Scheme, host and port.
    origin: Url,
    segments: Vec<Vec<Piece>>,
    query: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    name: String,
    value: Vec<Piece>,
    /// Whether a list is one value, with commas.
    is_joined: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Argument(String),
}

impl UrlTemplate {
    /// Reads a template. `Err` is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let start = text.find("://").map(|at| at + 3);
        let start =
            start.ok_or("must begin with https:// (or http:// for hosts in allow_hosts)")?;
        let end = text[start..].find(['/', '?', '#', '\\']).map_or(text.len(), |at| start + at);
        let (origin, rest) = text.split_at(end);
        if origin.contains(['{', '}', '$']) {
            return Err(
                "only the path and the query may have {arguments}, never scheme, host or port"
                    .into(),
            );
        }
        if rest.contains(['#', '\\']) || rest.chars().any(|c| c.is_control() || c == ' ') {
            return Err("must have neither a fragment (#) nor spaces or backslashes".into());
        }
        if rest.contains("${") {
            return Err("secrets belong into auth or headers, where no log shows them".into());
        }
        let origin = Url::parse(origin).map_err(|error| format!("`{origin}`: {error}"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').map(pieces);
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name.contains(['{', '}']) {
                true => Err("a name in the query cannot be an argument".to_owned()),
                false => {
                    Ok(Pair { name: name.to_owned(), value: pieces(value)?, is_joined: false })
                }
            }
        });
        let (segments, query) =
            (segments.collect::<Result<_, _>>()?, pairs.collect::<Result<_, _>>()?);
        Ok(Self { origin, segments, query })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The arguments in the path: none of them can be left out.
    pub fn path_arguments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flatten().filter_map(Piece::argument)
    }

    /// The arguments in the query.
    pub fn query_arguments(&self) -> impl Iterator<Item = &str> {
        self.query.iter().flat_map(|pair| &pair.value).filter_map(Piece::argument)
    }

    /// Adds `name={argument}` to the query; a list is one value with commas, or one for each item.
    pub fn add_query(&mut self, name: &str, argument: &str, is_joined: bool) {
        let name = utf8_percent_encode(name, RESERVED).to_string();
        self.query.push(Pair {
            name,
            value: vec![Piece::Argument(argument.to_owned())],
            is_joined,
        });
    }

    /// Gives an argument of the path another name.
    pub fn rename(&mut self, name: &str, other: &str) {
        for piece in self.segments.iter_mut().flatten() {
            if piece.argument() == Some(name) {
                *piece = Piece::Argument(other.to_owned());
            }
        }
    }

    /// The address with these arguments. `Err` is a sentence for the model.
    pub fn fill(&self, arguments: &Map<String, Value>) -> Result<Url, String> {
        let mut url = self.origin.clone();
        let segments = self.segments.iter().map(|segment| filled_segment(segment, arguments));
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        url.set_path(&segments.join("/"));
        let mut query = Vec::new();
        for Pair { name, value, is_joined } in &self.query {
            match filled_values(value, arguments)? {
                values if *is_joined && !values.is_empty() => {
                    query.push(format!("{name}={}", values.join(",")));
                }
                values => query.extend(values.iter().map(|value| format!("{name}={value}"))),
            }
        }
        url.set_query(Some(query.join("&").as_str()).filter(|query| !query.is_empty()));
        Ok(url)
    }
}

impl Piece {
    fn argument(&self) -> Option<&str> {
        match self {
            Self::Argument(name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("has a { without its }")?;
        if name.is_empty() || name.contains('{') {
            return Err(format!("`{{{name}}}` names no argument"));
        }
        pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
        pieces.push(Piece::Argument(name.to_owned()));
        rest = after;
    }
    if rest.contains('}')
        || pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}')))
    {
        return Err("has a } without its {".into());
    }
    pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
    Ok(pieces)
}

fn filled_segment(pieces: &[Piece], arguments: &Map<String, Value>) -> Result<String, String> {
    let mut segment = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => segment.push_str(text),
            Piece::Argument(name) => {
                let value = arguments.get(name).ok_or_else(|| format!("/{name} is missing."))?;
                let value = text_of(name, value)?;
                if value.is_empty() {
                    return Err(format!("/{name} must not be empty: it is a part of an address."));
                }
                segment.extend(utf8_percent_encode(&value, RESERVED));
            }
        }
    }
    // URL parsers take such segments out of the path, and what is before them.
    let decoded = percent_decode_str(&segment).decode_utf8_lossy();
    match pieces.iter().find_map(Piece::argument) {
        Some(name) if decoded == "." || decoded == ".." => {
            Err(format!("/{name} must not be {decoded}: it is a part of an address."))
        }
        _ => Ok(segment),
    }
}

/// The values of a name in the query: of a list one each, and none for an argument that is left out.
fn filled_values(pieces: &[Piece], arguments: &Map<String, Value>) -> Result<Vec<String>, String> {
    let encoded = |name: &str, value: &Value| {
        text_of(name, value).map(|value| utf8_percent_encode(&value, RESERVED).to_string())
    };
    if let [Piece::Argument(name)] = pieces {
        return match arguments.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() > MAX_LIST => {
                Err(format!("/{name} may have at most {MAX_LIST} items."))
            }
            Some(Value::Array(list)) => list.iter().map(|value| encoded(name, value)).collect(),
            Some(value) => Ok(vec![encoded(name, value)?]),
        };
    }
    let mut filled = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Argument(name) => {
                let value = arguments.get(name).ok_or_else(|| format!("/{name} is missing."))?;
                filled.push_str(&encoded(name, value)?);
            }
        }
    }
    Ok(vec![filled])
}

/// The text of an argument that goes into an address or a header.
pub fn text_of(name: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            // Models write 5.0 for 5.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(format!("/{name} must be a text, a number, true or false."));
        }
    };
    match text {
        text if text.len() > MAX_VALUE => {
            Err(format!("/{name} is too long: at most {MAX_VALUE} bytes fit into an address."))
        }
        text if text.contains('\0') => Err(format!("/{name} must not contain U+0000.")),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str, arguments: &Value) -> Result<String, String> {
        let template = UrlTemplate::parse(template).unwrap();
        template.fill(arguments.as_object().unwrap()).map(String::from)
    }

    #[test]
    fn a_value_stays_in_its_place() {
        let path = "https://a.example/v1/{x}/z?k=1";
        for (value, expected) in [
            ("b", "b"),
            ("a/b", "a%2Fb"),
            ("../../admin", "..%2F..%2Fadmin"),
            ("%2e%2e%2f", "%252e%252e%252f"),
            ("?x=1&y#z", "%3Fx%3D1%26y%23z"),
            ("a\r\nHost: b", "a%0D%0AHost%3A%20b"),
            ("\\..\\", "%5C..%5C"),
            ("…;@:\t", "%E2%80%A6%3B%40%3A%09"),
            ("...", "..."),
        ] {
            let expected = format!("https://a.example/v1/{expected}/z?k=1");
            assert_eq!(filled(path, &json!({ "x": value })), Ok(expected));
        }
        let query = "https://a.example:8443?q={x}&r=1";
        assert_eq!(
            filled(query, &json!({ "x": "a&r=2#" })).unwrap(),
            "https://a.example:8443/?q=a%26r%3D2%23&r=1"
        );
        assert_eq!(
            filled(query, &json!({ "x": [1.0, true, "b"] })).unwrap(),
            "https://a.example:8443/?q=1&q=true&q=b&r=1"
        );
        assert_eq!(filled(query, &json!({})).unwrap(), "https://a.example:8443/?r=1");
        assert_eq!(
            filled("https://a.example/{x}.json?a=b-{y}", &json!({ "x": 5, "y": 1.5 })).unwrap(),
            "https://a.example/5.json?a=b-1.5"
        );
    }

    #[test]
    fn values_that_parsers_would_take_out_are_refused() {
        for (template, value) in [
            ("{x}", json!(".")),
            ("{x}", json!("..")),
            ("{x}", json!("")),
            (".{x}", json!(".")),
            ("%2e{x}", json!(".")),
            ("{x}", json!("a\u{0}")),
            ("{x}", json!("a".repeat(2_049))),
            ("{x}", json!({})),
            ("{x}", json!([1])),
            ("{x}", json!(null)),
            ("?q={x}", json!("a\u{0}")),
            ("?q={x}", json!("a".repeat(10_000_000))),
            ("?q={x}", json!(["a\u{0}"])),
            ("?q={x}", json!(vec![1; 101])),
        ] {
            let refused =
                filled(&format!("https://a.example/v1/{template}"), &json!({ "x": value }));
            assert!(refused.unwrap_err().starts_with("/x "), "{template}");
        }
        assert!(filled("https://a.example/{x}", &json!({})).unwrap_err().contains("is missing"));
    }

    #[test]
    fn a_template_has_arguments_only_in_its_path_and_query() {
        for wrong in [
            "https://{host}/x",
            "https://a.example:{port}/",
            "{scheme}://a.example/",
            "https://a.{x}?y",
            "https://a.example/#{x}",
            "https://a.example/{x",
            "https://a.example/x}",
            "https://a.example/{}",
            "https://a.example/?{x}=1",
            "https://a.example/\\{x}",
            "https://a.example/?key=${KEY}",
            "a.example",
            "https://",
            "https://${HOST}/",
        ] {
            assert!(UrlTemplate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
