//! Where traces go: OpenTelemetry's standard variables.

use std::time::Duration;

use secrecy::SecretString;

use super::ConfigError;
use super::env::Env;

/// Where traces go. The SDK reads the limits of batches (`OTEL_BSP_*`) itself.
#[derive(Clone, Debug)]
pub struct TraceConfig {
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces`.
    pub endpoint: String,
    /// `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_EXPORTER_OTLP_TRACES_HEADERS`.
    pub headers: Vec<(String, SecretString)>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds.
    pub timeout: Duration,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: String,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub resource: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub sampler: TraceSampler,
}

/// Which traces are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceSampler {
    /// The share of traces that begin here, from 0 to 1.
    pub ratio: f64,
    /// Whether the caller's decision counts for a trace that began elsewhere.
    pub follows_parent: bool,
}

/// The settings, unless traces are off.
pub(super) fn read(env: &Env<'_>) -> Result<Option<TraceConfig>, ConfigError> {
    let exporter = env.text("OTEL_TRACES_EXPORTER", "otlp").to_ascii_lowercase();
    if env.flag("OTEL_SDK_DISABLED", false)? || exporter == "none" {
        return Ok(None);
    }
    let Some(endpoint) = endpoint(env)? else { return Ok(None) };
    if exporter != "otlp" {
        let problem = format!("`{exporter}` is not `otlp` or `none`");
        return Err(ConfigError::new("OTEL_TRACES_EXPORTER", problem));
    }
    check_protocol(env)?;
    Ok(Some(TraceConfig {
        endpoint,
        headers: headers(env)?,
        timeout: Duration::from_millis(env.within(
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            10_000,
            1..=600_000,
        )?),
        service_name: env.text("OTEL_SERVICE_NAME", "chat-backend"),
        resource: pairs(env, "OTEL_RESOURCE_ATTRIBUTES")?,
        sampler: sampler(env)?,
    }))
}

fn endpoint(env: &Env<'_>) -> Result<Option<String>, ConfigError> {
    const OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const OF_ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if env.get(OF_TRACES).is_some() {
        return env.url(OF_TRACES, "").map(Some);
    }
    match env.get(OF_ALL) {
        Some(_) => Ok(Some(format!("{}/v1/traces", env.url(OF_ALL, "")?))),
        None => Ok(None),
    }
}

fn check_protocol(env: &Env<'_>) -> Result<(), ConfigError> {
    let names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let set = names.into_iter().find_map(|name| Some((name, env.get(name)?)));
    match set {
        Some((name, protocol)) if protocol != "http/protobuf" => {
            let problem = format!(
                "`{protocol}` is not offered: send `http/protobuf`, which collectors take on port 4318"
            );
            Err(ConfigError::new(name, problem))
        }
        _ => Ok(()),
    }
}

fn headers(env: &Env<'_>) -> Result<Vec<(String, SecretString)>, ConfigError> {
    let mut headers = pairs(env, "OTEL_EXPORTER_OTLP_HEADERS")?;
    headers.extend(pairs(env, "OTEL_EXPORTER_OTLP_TRACES_HEADERS")?);
    Ok(headers.into_iter().map(|(name, value)| (name, value.into())).collect())
}

/// `name=value,name=value`, percent-encoded. No value is part of the error, because it may be a secret.
fn pairs(env: &Env<'_>, variable: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text.trim()).decode_utf8();
        text.map(std::borrow::Cow::into_owned)
    };
    let pairs = env.list(variable, "").into_iter().map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (decoded(name).ok()?, decoded(value).ok()?);
        (!name.is_empty()).then_some((name, value))
    });
    let pairs: Option<Vec<_>> = pairs.collect();
    pairs.ok_or_else(|| ConfigError::new(variable, "is not a list such as name=value,other=value"))
}

fn sampler(env: &Env<'_>) -> Result<TraceSampler, ConfigError> {
    let kind = env.choice(
        "OTEL_TRACES_SAMPLER",
        &[
            ("parentbased_always_on", (true, Some(1.0))),
            ("parentbased_always_off", (true, Some(0.0))),
            ("parentbased_traceidratio", (true, None)),
            ("always_on", (false, Some(1.0))),
            ("always_off", (false, Some(0.0))),
            ("traceidratio", (false, None)),
        ],
    )?;
    let (follows_parent, fixed) = kind;
    let ratio: f64 = env.parsed("OTEL_TRACES_SAMPLER_ARG", 1.0)?;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(ConfigError::new("OTEL_TRACES_SAMPLER_ARG", "must be from 0 to 1"));
    }
    Ok(TraceSampler { ratio: fixed.unwrap_or(ratio), follows_parent })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use secrecy::ExposeSecret;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<TraceConfig>, ConfigError> {
        let variables: HashMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        read(&Env::new(&variables))
    }

    #[test]
    fn the_standard_variables_say_where_traces_go() {
        assert!(settings(&[("OTEL_SERVICE_NAME", "chat")]).unwrap().is_none());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert!(settings(&[endpoint, off]).unwrap().is_none());
        }
        let all = settings(&[
            endpoint,
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc=, x=1"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ]);
        let all = all.unwrap().unwrap();
        assert_eq!(all.endpoint, "http://collector:4318/v1/traces");
        assert_eq!(all.headers[0].0, "authorization");
        assert_eq!(all.headers[0].1.expose_secret(), "Basic abc=");
        assert_eq!(all.sampler, TraceSampler { ratio: 0.25, follows_parent: false });
        assert_eq!(all.resource, [("deployment.environment.name".into(), "test".into())]);
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector/otlp");
        assert_eq!(settings(&[endpoint, of_traces]).unwrap().unwrap().endpoint, of_traces.1);
    }

    #[test]
    fn a_mistake_is_named_without_secrets() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for (variable, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "jaeger"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            let problem = settings(&[endpoint, (variable, value)]).unwrap_err().to_string();
            assert!(problem.starts_with(variable) && !problem.contains("s3cr3t"), "{problem}");
        }
    }
}
