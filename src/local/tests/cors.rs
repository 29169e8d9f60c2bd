//! What web pages may do at the local Supabase.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt;

use super::support::{Folder, options};
use crate::config::{Config, CorsOrigins};
use crate::http::allowed_hosts::AllowedHosts;
use crate::local::{PROJECT, router};
use crate::local_supabase::LocalSupabase;

struct Server {
    router: axum::Router,
    _folder: Folder,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

impl Server {
    fn start() -> Self {
        let folder = Folder::new();
        let supabase = LocalSupabase::open(&folder.0, PROJECT, options()).unwrap();
        let origins = CorsOrigins::List(vec!["https://app.example.com".to_owned()]);
        let hosts = AllowedHosts::new(&Config::from_variables(&HashMap::new()).unwrap());
        Self { router: router(&supabase, origins, hosts), _folder: folder }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        Answer { status: response.status(), headers: response.headers().clone() }
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[tokio::test]
async fn preflights_are_answered_before_anything_else() {
    let server = Server::start();
    for path in ["/auth/v1/signup", "/rest/v1/chats", "/nowhere"] {
        let asked = "apikey,authorization,content-type,x-client-info,x-retry-count";
        let headers = [
            ("origin", "http://localhost:3000"),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", asked),
        ];
        let answer = server.send(Method::OPTIONS, path, &headers).await;
        assert_eq!(answer.status, 200);
        let origin = answer.header("access-control-allow-origin");
        assert_eq!(origin, Some("http://localhost:3000"));
        assert_eq!(answer.header("access-control-allow-headers"), Some(asked));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert_eq!(methods, "GET,HEAD,POST,PUT,PATCH,DELETE");
    }
}

#[tokio::test]
async fn errors_carry_the_headers() {
    let server = Server::start();
    for (method, path, status) in [
        (Method::GET, "/auth/v1/user", 401),
        (Method::GET, "/auth/v1/nope", 404),
        (Method::PUT, "/auth/v1/signup", 405),
        (Method::GET, "/rest/v1/chats", 401),
        (Method::GET, "/storage/v1/bucket", 400),
        (Method::GET, "/functions/v1/hello", 404),
    ] {
        let mut headers = vec![("origin", "https://app.example.com")];
        if path.starts_with("/rest") {
            headers.push(("authorization", "Bearer garbage"));
        }
        let answer = server.send(method, path, &headers).await;
        assert_eq!(answer.status, status, "{path}");
        let origin = answer.header("access-control-allow-origin");
        assert_eq!(origin, Some("https://app.example.com"), "{path}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("x-supabase-api-version") && exposed.contains("content-range"));
    }
}

#[tokio::test]
async fn pages_of_elsewhere_get_no_permission() {
    let server = Server::start();
    let headers = [("origin", "https://example.com")];
    let answer = server.send(Method::GET, "/auth/v1/health", &headers).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}
