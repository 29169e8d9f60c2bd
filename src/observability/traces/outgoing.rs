//! Requests to Supabase, as spans.

use opentelemetry::trace::SpanKind;
use reqwest::{RequestBuilder, Response, Url};
use tracing::{Instrument, debug_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Sends a request as a span, with the header that says so.
pub async fn send(request: RequestBuilder) -> reqwest::Result<Response> {
    if !super::is_on() {
        return request.send().await;
    }
    let (client, request) = request.build_split();
    let mut request = request?;
    let template = template(request.url());
    let method = request.method().to_string();
    let span =
        debug_span!("supabase", otel.kind = "client", otel.name = %format!("{method} {template}"));
    span.set_attribute("http.request.method", method);
    span.set_attribute("url.template", template);
    let host = request.url().host_str().unwrap_or_default().to_owned();
    span.set_attribute("server.address", host);
    span.in_scope(|| super::inject(request.headers_mut()));
    let sent = client.execute(request).instrument(span.clone()).await;
    match &sent {
        Ok(response) => {
            super::set_response(&span, &SpanKind::Client, response.status().as_u16());
        }
        Err(error) if error.is_timeout() => super::set_error(&span, "timeout"),
        Err(_) => super::set_error(&span, "unreachable"),
    }
    sent
}

/// What a request asks for, without whose: the service, and the table, function or kind of object.
fn template(url: &Url) -> String {
    let segments: Vec<_> = url.path_segments().into_iter().flatten().collect();
    let from = segments.iter().position(|s| ["rest", "auth", "storage"].contains(s)).unwrap_or(0);
    let known = if segments.get(from + 2) == Some(&"rpc") { 4 } else { 3 };
    let shown = segments.iter().skip(from).take(known);
    shown.fold(String::new(), |path, segment| path + "/" + segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_but_not_whose() {
        for (path, name) in [
            ("/rest/v1/chats?id=eq.1", "/rest/v1/chats"),
            ("/rest/v1/rpc/begin_generation", "/rest/v1/rpc/begin_generation"),
            ("/supabase/storage/v1/object/files/user/file", "/storage/v1/object"),
            ("/auth/v1/user", "/auth/v1/user"),
        ] {
            assert_eq!(template(&Url::parse(&format!("http://host{path}")).unwrap()), name);
        }
    }
}
