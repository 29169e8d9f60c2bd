use axum::http::Method;

use crate::local_supabase::testing::Server;

#[tokio::test]
async fn preflights_are_answered_before_anything_else() {
    let server = Server::start();
    for path in ["/auth/v1/signup", "/rest/v1/chats", "/nowhere"] {
        let asked = "apikey,authorization,content-type,x-client-info,x-retry-count";
        let answer = server
            .call(Method::OPTIONS, path)
            .header("origin", "http://localhost:3000")
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", asked)
            .send()
            .await;
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
        let mut call = server.call(method, path).header("origin", "https://app.example.com");
        if path.starts_with("/rest") {
            call = call.bearer("garbage");
        }
        let answer = call.send().await;
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
    let call = server.get("/auth/v1/health").header("origin", "https://example.com");
    assert_eq!(call.send().await.header("access-control-allow-origin"), None);
}
