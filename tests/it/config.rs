//! Settings: defaults, and bad values with one clear line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chat_backend::config::{Config, CorsOrigins, SupabaseConfig};

use crate::architecture;

fn read(settings: &[(&str, &str)]) -> Result<Config, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config::from_variables(&settings.iter().map(owned).collect()).map_err(|error| error.to_string())
}

#[test]
fn nothing_needs_to_be_set() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen, ("127.0.0.1".to_owned(), 8000));
    assert!(matches!(config.supabase, SupabaseConfig::Local { .. }));
    assert_eq!(config.rate_limit_per_minute, 600);
    assert_eq!(config.max_generate_body_bytes, 32 << 20);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let config = read(&[("SUPABASE_URL", ""), ("PORT", " "), ("OPENAI_API_KEY", "")]).unwrap();
    assert!(matches!(config.supabase, SupabaseConfig::Local { .. }));
    assert_eq!(config.listen.1, 8000);
    assert!(config.providers.openai.api_key.is_none());
}

#[test]
fn a_bad_value_is_one_line_that_names_the_variable() {
    for (variable, value) in [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ALLOW_ANONYMOUS_USERS", "maybe"),
        ("LOCAL_SUPABASE_ADDR", "localhost"),
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("ANTHROPIC_BASE_URL", "ftp://example.com"),
        ("ANTHROPIC_AUTH_HEADER", "cookie"),
        ("CORS_ORIGINS", "https://example.com/path"),
        ("CORS_ORIGINS", "example.com"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_CONNECTIONS", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("ALLOWED_HOSTS", "https://example.com"),
        ("ALLOWED_HOSTS", "*.example.com"),
        ("REQUEST_TIMEOUT_S", "0"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("METRICS_ADDR", "9090"),
        ("SCRIPT_TIMEOUT_MS", "0"),
        ("SCRIPT_TIMEOUT_MS", "5s"),
        ("SCRIPT_TIMEOUT_MAX_MS", "4999"),
        ("SCRIPT_MEMORY_BYTES", "1000"),
        ("SCRIPT_OUTPUT_BYTES", "1"),
        ("SCRIPT_WORKERS", "0"),
        ("LOG_FORMAT", "xml"),
        ("SUPABASE_URL", "project.supabase.co"),
    ] {
        let problem = read(&[(variable, value)]).expect_err(variable);
        assert!(problem.starts_with(variable), "{problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}

#[test]
fn problems_are_written_for_people() {
    for (variable, value, words) in [
        ("PORT", "70000", "`70000` is out of range"),
        ("MAX_BODY_BYTES", "10MB", "`10MB` is not a whole number"),
        ("SUPABASE_URL", "project.supabase.co", "must begin with http:// or https://"),
        ("SUPABASE_URL", "https://supabase.com/dashboard/project/x", "https://<id>.supabase.co"),
        ("SUPABASE_URL", "https://x.supabase.co/rest/v1/", "set https://x.supabase.co"),
    ] {
        let problem = read(&[(variable, value)]).expect_err(variable);
        assert!(problem.contains(words), "{problem}");
    }
    let database = read(&[("SUPABASE_URL", "postgresql://postgres:hunter22@x.test")]);
    assert!(!database.unwrap_err().contains("hunter22"));
}

#[test]
fn a_name_that_is_almost_a_setting_is_reported() {
    let settings = [("SUPABSE_URL", "x"), ("NEXT_PUBLIC_SUPABASE_URL", "x"), ("HOME", "/root")];
    let config = read(&settings).unwrap();
    let expected = "SUPABSE_URL is not a setting of this server; is SUPABASE_URL meant?";
    assert_eq!(config.misspelt, [expected]);
}

#[test]
fn compatible_servers_have_names() {
    let config = read(&[
        ("OPENAI_COMPATIBLE_OPEN_ROUTER_BASE_URL", "https://openrouter.ai/api/v1/"),
        ("OPENAI_COMPATIBLE_OPEN_ROUTER_API_KEY", "sk-or"),
        ("OPENAI_COMPATIBLE_OPEN_ROUTER_MODELS", "a/b, c"),
        ("OPENAI_COMPATIBLE_LOCAL_BASE_URL", "http://localhost:1234/v1"),
        ("OPENAI_COMPATIBLE_EMPTY_API_KEY", ""),
    ]);
    let servers = config.unwrap().providers.compatible;
    let names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["local", "open_router"]);
    assert_eq!(servers[1].base_url, "https://openrouter.ai/api/v1");
    assert_eq!(
        (servers[1].models.join(" "), servers[1].api_key.is_none()),
        ("a/b c".into(), false)
    );
    assert!(servers[0].models.is_empty() && servers[0].api_key.is_none());
}

#[test]
fn a_compatible_server_that_cannot_be_used_is_named() {
    for (variable, value, named) in [
        ("OPENAI_COMPATIBLE_X_API_KEY", "k", "OPENAI_COMPATIBLE_X_BASE_URL: is missing"),
        ("OPENAI_COMPATIBLE_X_BASE_URL", "localhost", "OPENAI_COMPATIBLE_X_BASE_URL: `localhost`"),
        ("OPENAI_COMPATIBLE_X_URL", "http://x", "OPENAI_COMPATIBLE_X_URL: is not the name"),
        ("OPENAI_COMPATIBLE_BASE_URL", "http://x", "OPENAI_COMPATIBLE_BASE_URL: is not the name"),
        ("OPENAI_COMPATIBLE_A-B_BASE_URL", "http://x", "OPENAI_COMPATIBLE_A-B_BASE_URL: the name"),
    ] {
        let problem = read(&[(variable, value)]).expect_err(variable);
        assert!(problem.starts_with(named), "{problem}");
    }
}

#[test]
fn a_project_needs_its_key() {
    let problem = read(&[("SUPABASE_URL", "https://x.supabase.co")]).unwrap_err();
    assert!(problem.starts_with("SUPABASE_ANON_KEY"), "{problem}");
    let problem = read(&[("SUPABASE_ANON_KEY", "sb_publishable_x")]).unwrap_err();
    assert!(problem.starts_with("SUPABASE_ANON_KEY"), "{problem}");
}

#[test]
fn a_project_is_read_without_the_last_slash() {
    let config = read(&[
        ("SUPABASE_URL", "https://x.supabase.co/"),
        ("SUPABASE_ANON_KEY", "sb_publishable_x"),
        ("CORS_ORIGINS", "https://a.example.com, http://localhost:3000/"),
    ])
    .unwrap();
    let SupabaseConfig::Project(project) = config.supabase else { panic!("no project") };
    assert_eq!(project.url, "https://x.supabase.co");
    assert_eq!(project.public_url, project.url);
    let origins = ["https://a.example.com", "http://localhost:3000"].map(str::to_owned);
    assert_eq!(config.cors_origins, CorsOrigins::List(origins.to_vec()));
}

#[test]
fn secrets_do_not_print() {
    let config = read(&[
        ("SUPABASE_URL", "https://x.supabase.co"),
        ("SUPABASE_ANON_KEY", "sb_publishable_x"),
        ("SUPABASE_SERVICE_ROLE_KEY", "very-secret"),
        ("SUPABASE_JWT_SECRET", "very-secret"),
        ("OPENAI_API_KEY", "very-secret"),
        ("ANTHROPIC_API_KEY", "very-secret"),
    ]);
    assert!(!format!("{config:?}").contains("very-secret"));
}

#[test]
fn every_setting_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let files = architecture::files(&root.join("src/config"));
    let code = files.iter().map(|file| read(file)).collect::<String>();
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    // A way to write the names of variants.
    let code = code.replace("\"UPPERCASE\"", "");
    let names: BTreeSet<_> = code.split('"').filter(is_name).collect();
    assert!(names.len() > 30 && names.contains("MAX_CONNECTIONS"), "{names:?}");
    for document in [".env.example", "README.md"] {
        let text = read(&root.join(document));
        let missing: Vec<_> = names.iter().filter(|name| !text.contains(**name)).collect();
        assert!(missing.is_empty(), "not in {document}: {missing:?}");
    }
}

#[test]
fn no_secret_is_printed() {
    let secrets = [
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "SUPABASE_JWT_SECRET",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "OPENAI_COMPATIBLE_X_API_KEY",
    ];
    let urls = ["SUPABASE_URL", "OPENAI_COMPATIBLE_X_BASE_URL"].map(|name| (name, "http://x.test"));
    let urls = urls.into_iter().chain([("TOOL_PROXY", "http://user:hunter22@x.test")]);
    let settings = secrets.map(|name| (name, "hunter22")).into_iter().chain(urls);
    let config = read(&settings.collect::<Vec<_>>()).unwrap();
    assert!(matches!(config.supabase, SupabaseConfig::Project(_)));
    assert!(!format!("{config:?}").contains("hunter22"));
}
