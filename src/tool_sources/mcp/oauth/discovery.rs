//! Who signs users in at a server: the metadata of the resource and of its authorization server.

use reqwest::Url;
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};

use super::exchange::Answer;
use super::{OAuth, SignInError};

/// What is known of a server and its authorization server.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) resource: String,
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    /// Whether answers of the authorization server name it.
    pub(super) names_itself: bool,
    /// Whether it takes the address of a document in the place of a registered client.
    pub(super) takes_documents: bool,
    /// Whether it takes a client's secret in a header.
    pub(super) takes_basic: bool,
    /// What to ask for.
    pub(super) scope: Option<String>,
}

impl OAuth {
    pub(super) async fn discover(&self) -> Result<Discovered, SignInError> {
        let challenge = self.challenge().await?;
        let resource = self.resource(&challenge).await?;
        let issuer = resource.pointer("/authorization_servers/0").and_then(Value::as_str);
        let issuer = issuer.ok_or_else(|| self.failed("it names no authorization server."))?;
        let server = self.authorization_server(issuer).await?;
        let endpoint = |name: &str| {
            let url = server.get(name).and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
            let url = url.filter(|url| self.services.egress.check(url).is_ok());
            url.ok_or_else(|| {
                self.failed(&format!("its authorization server has no usable {name}."))
            })
        };
        let names = |name: &str| {
            let names = server.get(name).and_then(Value::as_array);
            names.map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>())
        };
        if !names("code_challenge_methods_supported").is_some_and(|all| all.contains(&"S256")) {
            return Err(self.failed("its authorization server does not support PKCE with S256."));
        }
        let is = |name: &str| server.get(name) == Some(&Value::Bool(true));
        let methods = names("token_endpoint_auth_methods_supported");
        Ok(Discovered {
            resource: resource["resource"].as_str().unwrap_or_default().to_owned(),
            issuer: issuer.to_owned(),
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            names_itself: is("authorization_response_iss_parameter_supported"),
            takes_documents: is("client_id_metadata_document_supported"),
            takes_basic: methods.is_none_or(|all| all.contains(&"client_secret_basic")),
            scope: self.scope(&challenge, &resource),
        })
    }

    /// The challenge with which the server refuses strangers; empty if it does not.
    async fn challenge(&self) -> Result<String, SignInError> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover",
            "params": { "_meta": meta } });
        let answer = self.ask(&message).await;
        let answer = answer.map_err(|_| self.failed("it cannot be reached."))?;
        let challenge = answer.headers.get(WWW_AUTHENTICATE).filter(|_| answer.status == 401);
        Ok(challenge.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
    }

    /// The metadata of the server, which has to be about this server.
    async fn resource(&self, challenge: &str) -> Result<Value, SignInError> {
        let named = parameter(challenge, "resource_metadata").and_then(|url| Url::parse(&url).ok());
        let usual = [well_known(&self.server, "oauth-protected-resource"), {
            let mut root = self.server.clone();
            root.set_path("/");
            well_known(&root, "oauth-protected-resource")
        }];
        for url in named.into_iter().chain(usual.into_iter().flatten()) {
            let Some(document) = self.document(url).await else { continue };
            let about = document.get("resource").and_then(Value::as_str).unwrap_or_default();
            return match Url::parse(about) {
                Ok(about) if covers(&about, &self.server) => Ok(document),
                _ => Err(self.failed("its metadata is about another server.")),
            };
        }
        Err(self.failed("it does not say who signs users in."))
    }

    /// The metadata of an authorization server, which has to name itself as it was asked for.
    async fn authorization_server(&self, issuer: &str) -> Result<Value, SignInError> {
        let unusable = || self.failed("the metadata of its authorization server is not usable.");
        let url = Url::parse(issuer).map_err(|_| unusable())?;
        let mut places = vec![
            well_known(&url, "oauth-authorization-server"),
            well_known(&url, "openid-configuration"),
        ];
        if url.path() != "/" {
            let mut below = url.clone();
            let path = format!("{}/.well-known/openid-configuration", path(&url));
            below.set_path(&path);
            places.push(Some(below));
        }
        for place in places.into_iter().flatten() {
            let Some(document) = self.document(place).await else { continue };
            if document.get("issuer").and_then(Value::as_str) == Some(issuer) {
                return Ok(document);
            }
            return Err(unusable());
        }
        Err(unusable())
    }

    async fn document(&self, url: Url) -> Option<Value> {
        let Answer { status, json, .. } = self.get(url).await.ok()?;
        (status == 200 && json.is_object()).then_some(json)
    }

    /// What the operator, else the server's challenge, else its metadata says to ask for.
    fn scope(&self, challenge: &str, resource: &Value) -> Option<String> {
        let join = |scopes: &[String]| scopes.join(" ");
        let supported = || {
            let scopes = resource.get("scopes_supported")?.as_array()?;
            let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
            Some(scopes.join(" "))
        };
        let scope = self.scopes.as_deref().map(join);
        scope.or_else(|| parameter(challenge, "scope")).or_else(supported).filter(|s| !s.is_empty())
    }
}

fn path(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// `/.well-known/<name>` with the path of the address behind it.
fn well_known(url: &Url, name: &str) -> Option<Url> {
    let mut place = url.clone();
    place.set_path(&format!("/.well-known/{name}{}", path(url)));
    place.set_query(None);
    place.set_fragment(None);
    Some(place)
}

/// Whether a resource is a server, or what the server is a part of.
fn covers(resource: &Url, server: &Url) -> bool {
    let rest = path(server).strip_prefix(path(resource));
    resource.origin() == server.origin()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A parameter of a challenge: `name="value"` or `name=value`.
pub(super) fn parameter(challenge: &str, name: &str) -> Option<String> {
    let mut rest = challenge;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        let after = &rest[at + name.len()..];
        if before.is_none_or(|c| c == ' ' || c == ',')
            && let Some(value) = after.strip_prefix('=')
        {
            return Some(match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
                None => value.split([',', ' ']).next().unwrap_or_default().to_owned(),
            });
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn challenges_are_read_by_their_parameters_names() {
        let challenge =
            "Bearer error=\"x\", my_scope=\"no\", scope=\"a b\", resource_metadata=\"https://h/m\"";
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("a b"));
        assert_eq!(parameter(challenge, "resource_metadata").as_deref(), Some("https://h/m"));
        assert_eq!(parameter("Bearer scope=a, x=y", "scope").as_deref(), Some("a"));
        assert_eq!(parameter("Bearer", "scope"), None);
    }

    #[test]
    fn metadata_is_about_this_server_or_what_it_is_a_part_of() {
        let server = url("https://h/a/mcp");
        for about in ["https://h/a/mcp", "https://h/a/mcp/", "https://h/a", "https://h"] {
            assert!(covers(&url(about), &server), "{about}");
        }
        for about in
            ["https://h/a/m", "https://h/a/mcp/x", "http://h/a", "https://h:8/a", "https://i/"]
        {
            assert!(!covers(&url(about), &server), "{about}");
        }
    }

    #[test]
    fn documents_are_where_they_usually_are() {
        let place = |text: &str| well_known(&url(text), "oauth-authorization-server").unwrap();
        assert_eq!(
            place("https://h/t/").as_str(),
            "https://h/.well-known/oauth-authorization-server/t"
        );
        assert_eq!(place("https://h").as_str(), "https://h/.well-known/oauth-authorization-server");
    }
}
