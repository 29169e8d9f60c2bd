//! The index page: describes the server and links to its documentation.

use std::sync::LazyLock;

use crate::http::security_headers::Page;

const HTML: &str = concat!(
    r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>chat-backend</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem;
         color: #1a1a2e; background: #fafafa }
  @media (prefers-color-scheme: dark) { body { color: #e6e6f0; background: #16161e } a { color: #8ab4ff } }
  h1 { margin-bottom: 0 } small { opacity: .7 } li { margin: .4rem 0 }
</style>
<h1>chat-backend</h1>
<p><small>version "#,
    env!("CARGO_PKG_VERSION"),
    r#"</small></p>
<p>The API server behind an AI chat front end on Supabase. It is up.</p>
<ul>
  <li><a href="/docs">Swagger UI</a>: try the API; paste an access token under “Authorize”</li>
  <li><a href="/redoc">ReDoc</a>: read the API</li>
  <li><a href="/openapi.json">openapi.json</a>: generate a client</li>
  <li><a href="/health">Health</a></li>
</ul>
</html>
"#
);

static PAGE: LazyLock<Page> = LazyLock::new(|| Page::new(HTML.to_owned(), "img-src data:"));

/// Returns the index page.
pub async fn index() -> Page {
    PAGE.clone()
}
