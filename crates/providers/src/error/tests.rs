use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::{ErrorKind, ProviderError};
use crate::testing::{fixture, json, names};
use crate::{Anthropic, AuthHeader, ProviderName};

/// A recorded failure with its status and headers.
fn recorded(name: &str) -> ProviderError {
    let http = json(&format!("{name}.http.json"));
    let mut headers = HeaderMap::new();
    for (name, value) in http["headers"].as_object().unwrap() {
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        headers.insert(name, value.as_str().unwrap().parse().unwrap());
    }
    let status = http["status"].as_u64().unwrap() as u16;
    let body = fixture(&format!("{name}.json"));
    ProviderError::from_response(
        ProviderName::from_static("openai"),
        status,
        &headers,
        &body,
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn every_recorded_failure_reads_as_the_sdk_reads_it() {
    let parsed = json("parsed.json");
    let groups = ["openai-chat", "openai-responses", "anthropic", "compat"];
    let all = groups.iter().flat_map(|group| names(group, ".json"));
    let failures: Vec<_> = all.filter(|name| name.contains("/err_")).collect();
    assert!(failures.len() > 40, "the fixtures are there");
    for name in failures {
        let error = recorded(&name);
        let sdk = &parsed[&name]["error"];
        assert_eq!(u64::from(error.status.unwrap()), sdk["status"], "{name}");
        if let Some(id) = sdk["request_id"].as_str() {
            assert_eq!(error.request_id.as_deref(), Some(id), "{name}");
        }
        if let Some(code) = sdk["code"].as_str().or(sdk["type"].as_str()) {
            assert_eq!(error.code.as_deref(), Some(code), "{name}");
        }
        assert!(!error.message.is_empty(), "{name}");
    }
}

#[test]
fn a_refusal_that_speaks_of_a_file_is_about_the_file() {
    use ErrorKind::*;
    for (status, message, kind) in [
        (400, "Could not process PDF", Attachment),
        (400, "messages.0.content.1.pdf.source.base64.data: password protected.", Attachment),
        (400, "A maximum of 100 PDF pages may be provided.", Attachment),
        (400, "Image does not match the provided media type image/png", Attachment),
        (400, "Invalid 'messages[0].content[1].image_url.url'. Expected a data URL", Attachment),
        (400, "Invalid 'input[0].content[1].file_data'.", Attachment),
        (400, "Unable to process input image. Please retry.", Attachment),
        (400, "cannot identify image file <_io.BytesIO object at 0x7f>", Attachment),
        (404, "No endpoints found that support image input", Attachment),
        (500, "image input is not supported - hint: you may need the mmproj", Attachment),
        (400, "messages.0.content.1.image.source.base64: the model cannot read it", Attachment),
        (400, "Unsupported parameter: see the documentation of profiles", InvalidRequest),
        (500, "Something went wrong", Server),
        (401, "The key does not allow images", Authentication),
        (429, "Too many images per minute", RateLimited),
    ] {
        let body = serde_json::json!({ "error": { "message": message } }).to_string();
        let error = ProviderError::from_response(
            ProviderName::from_static("openai"),
            status,
            &HeaderMap::new(),
            &body,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(error.kind, kind, "{message}");
    }
}

#[test]
fn failures_have_kinds() {
    use ErrorKind::*;
    for (name, kind) in [
        ("openai-chat/err_401", Authentication),
        ("openai-chat/err_403", Authentication),
        ("openai-chat/err_422", InvalidRequest),
        ("openai-chat/err_429", RateLimited),
        ("openai-chat/err_429_insufficient_quota", Quota),
        ("openai-chat/err_500", Server),
        ("openai-chat/err_502_html", Server),
        ("openai-chat/err_503", Overloaded),
        ("openai-chat/err_context_length", ContextLength),
        ("openai-chat/err_model_not_found", ModelNotFound),
        ("openai-chat/err_unsupported_param", InvalidRequest),
        ("anthropic/err_401", Authentication),
        ("anthropic/err_402_billing", Quota),
        ("anthropic/err_403", Authentication),
        ("anthropic/err_413", TooLarge),
        ("anthropic/err_429_retry_after", RateLimited),
        ("anthropic/err_429_spend_limit", Quota),
        ("anthropic/err_500", Server),
        ("anthropic/err_504", Timeout),
        ("anthropic/err_529", Overloaded),
        ("anthropic/err_context_length", ContextLength),
        ("anthropic/err_model_not_found", ModelNotFound),
        ("anthropic/err_temperature_removed", InvalidRequest),
        ("compat/err_fastapi_detail", InvalidRequest),
        ("compat/err_gemini_array", Authentication),
        ("compat/err_llamacpp_ctx", ContextLength),
        ("compat/err_openrouter_402", Quota),
        ("compat/err_string", ModelNotFound),
        ("compat/err_text", Overloaded),
        ("compat/err_vllm_old", ModelNotFound),
    ] {
        assert_eq!(recorded(name).kind, kind, "{name}");
    }
}

#[test]
fn messages_are_the_provider_s_own() {
    let message = |name| recorded(name).message;
    assert_eq!(message("openai-chat/err_502_html"), "502 Bad Gateway");
    assert_eq!(message("compat/err_fastapi_detail"), "body.model: Field required");
    assert_eq!(recorded("compat/err_fastapi_detail").param.as_deref(), Some("model"));
    assert_eq!(recorded("openai-chat/err_unsupported_param").param.as_deref(), Some("max_tokens"));
    assert!(message("compat/err_string").starts_with("model \"x\" not found"));
    assert!(message("compat/err_text").starts_with("upstream connect error"));
}

#[test]
fn headers_say_when_to_come_back() {
    let error = recorded("openai-chat/err_429_retry_after_ms");
    assert_eq!(error.retry_after.unwrap().as_millis(), 180);
    let error = recorded("anthropic/err_429_spend_limit");
    assert_eq!((error.should_retry, error.retry_after), (Some(false), None));
}

#[test]
fn odd_bodies_are_survived() {
    for body in [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "[[]]",
        "{\"error\":null}",
        "{\"detail\":7}",
        "\u{FEFF}",
        "<html>",
    ] {
        let error = ProviderError::from_response(
            ProviderName::from_static("openai"),
            418,
            &HeaderMap::new(),
            body,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(error.kind, ErrorKind::InvalidRequest, "{body}");
    }
}

#[test]
fn secrets_are_taken_out() {
    let message = |text: &str| {
        ProviderError::new(ProviderName::from_static("openai"), ErrorKind::Server, text).message
    };
    assert_eq!(
        message("Incorrect API key provided: sk-proj-abcdef123456. See sk-learn."),
        "Incorrect API key provided: [key] See sk-learn."
    );
    assert_eq!(
        message("authorization: Bearer abc.def-1 was sent"),
        "authorization: Bearer [key] was sent"
    );
    assert_eq!(message("https://x/?key=AIzaSyABCDEFGH1234"), "https://x/?[key]");
    let error = ProviderError::new(
        ProviderName::from_static("openai"),
        ErrorKind::Server,
        "bad key hunter22!",
    );
    assert_eq!(error.without_key(Some(&"hunter22".into())).message, "bad key [key]!");
}

#[test]
fn what_a_provider_repeats_of_a_prompt_is_not_logged() {
    let body = r#"{"error":{"message":"cannot read 'my secret prompt'","code":"bad_value",
        "param":"messages[0].content","type":"my secret prompt"}}"#;
    for (status, body) in [(400, body), (500, "failed: my secret prompt")] {
        let headers = HeaderMap::new();
        let now = Timestamp::UNIX_EPOCH;
        let error = ProviderError::from_response(
            ProviderName::from_static("openai"),
            status,
            &headers,
            body,
            now,
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let error = ProviderError::reported(ProviderName::from_static("openai"), body);
    let line = "openai: Server, code bad_value, param messages[0].content";
    assert_eq!(error.to_string(), line);
    let ours =
        ProviderError::new(ProviderName::from_static("openai"), ErrorKind::Timeout, "too long");
    assert_eq!(ours.to_string(), "openai: Timeout: too long");
}

#[test]
fn messages_are_cut_between_characters() {
    let error = ProviderError::new(
        ProviderName::from_static("openai"),
        ErrorKind::Server,
        &"é".repeat(3000),
    );
    assert_eq!(error.message.len(), 2048);
    let error = ProviderError::new(
        ProviderName::from_static("openai"),
        ErrorKind::Server,
        &"€".repeat(3000),
    );
    assert_eq!(error.message.len(), 2046);
}

#[test]
fn a_key_never_prints_itself() {
    let connection = crate::Connection::vendor(Some("topsecret".into()), "http://x");
    let shown = format!("{connection:?}");
    let provider = Anthropic::new(connection, Anthropic::VERSION, AuthHeader::XApiKey).unwrap();
    assert!(!shown.contains("topsecret") && !format!("{provider:?}").contains("topsecret"));
}
