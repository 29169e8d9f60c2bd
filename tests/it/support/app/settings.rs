//! The settings of an application in a test, and those that only tests have.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use chat_backend::config::{Config, SupabaseConfig};
use chat_backend::local_supabase::PASSWORD_KIB_LEAST;

/// A setting that only tests have: how often a running answer is saved.
pub const CHECKPOINT_EVERY_MS: &str = "CHECKPOINT_EVERY_MS";
/// A setting that only tests have: the longest a plain request may take.
pub const REQUEST_TIMEOUT_MS: &str = "TEST_REQUEST_TIMEOUT_MS";
/// How long clients wait for the end of an answer to be saved; only tests change it.
pub const UNSAVED_PATIENCE_MS: &str = "UNSAVED_PATIENCE_MS";
/// Settings that only tests have: how long a connection may do nothing before and in a head, between
/// requests, and with an answer unread.
pub const HEAD_TIMEOUT_MS: &str = "HEAD_TIMEOUT_MS";
pub const IDLE_TIMEOUT_MS: &str = "IDLE_TIMEOUT_MS";
pub const WRITE_TIMEOUT_MS: &str = "WRITE_TIMEOUT_MS";

/// A setting that only tests have: how long another replica may take to answer.
pub const PEER_ANSWER_MS: &str = "PEER_ANSWER_MS";

/// The settings of a test, which keeps the data it has in `data_dir`.
pub fn config(data_dir: &Path, settings: &HashMap<String, String>) -> Config {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0)).to_string();
    let data_dir = data_dir.display().to_string();
    // Looking for Python takes time, which only tests of scripts have.
    let ours = [
        ("DATA_DIR", data_dir.as_str()),
        ("LOCAL_SUPABASE_ADDR", any_port.as_str()),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("GENERATIONS_PER_MINUTE", "0"),
        ("SCRIPT_PYTHON", "off"),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut variables = HashMap::from(ours);
    variables.extend(settings.clone());
    let mut config = Config::from_variables(&variables).unwrap();
    config.providers.scripted.pace = Duration::ZERO;
    let millis = |name| Some(Duration::from_millis(settings.get(name)?.parse().unwrap()));
    config.checkpoint_every = millis(CHECKPOINT_EVERY_MS).unwrap_or(config.checkpoint_every);
    if let SupabaseConfig::Local(local) = &mut config.supabase {
        local.password_kib = Some(PASSWORD_KIB_LEAST);
    }
    config.scripts.program = env!("CARGO_BIN_EXE_chat-backend").into();
    config.request_timeout = millis(REQUEST_TIMEOUT_MS).unwrap_or(config.request_timeout);
    config.unsaved_patience = millis(UNSAVED_PATIENCE_MS).unwrap_or(config.unsaved_patience);
    let peers = &mut config.peer_timeouts;
    peers.answer = millis(PEER_ANSWER_MS).unwrap_or(peers.answer);
    let times = &mut config.connection_timeouts;
    times.head = millis(HEAD_TIMEOUT_MS).unwrap_or(times.head);
    times.idle = millis(IDLE_TIMEOUT_MS).unwrap_or(times.idle);
    times.write = millis(WRITE_TIMEOUT_MS).unwrap_or(times.write);
    config
}
