//! The settings of the local Supabase.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::env::Env;
use super::error::ConfigError;

/// The first segments of the API's own paths, present and reserved.
const RESERVED: [&str; 8] =
    ["api", "console", "docs", "health", "metrics", "openapi.json", "redoc", "v1"];

/// Where the local Supabase is.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// `LOCAL_SUPABASE_ADDR`: its listener.
    pub addr: SocketAddr,
    /// `LOCAL_SUPABASE_PATH`: the path below which the API's listener serves it as well, without a slash
    /// at the end.
    pub path: Option<String>,
    /// `SUPABASE_PUBLIC_URL`: its URL as browsers see it, without a slash at the end; that of its
    /// listener unless set.
    pub public_url: Option<String>,
    /// `DATA_DIR`: its folder.
    pub data_dir: PathBuf,
    /// The memory that hashing a password takes, in KiB; only tests change it.
    pub password_kib: Option<u32>,
}

impl LocalConfig {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let public_url = "SUPABASE_PUBLIC_URL";
        // Packages of this server have a folder of their own.
        let data_dir = env.text("DATA_DIR", &env.text("DATA_DIR_DEFAULT", "./data"));
        Ok(Self {
            addr: env.parsed("LOCAL_SUPABASE_ADDR", SocketAddr::from(([127, 0, 0, 1], 54321)))?,
            path: env.get("LOCAL_SUPABASE_PATH").map(|path| checked_path(&path)).transpose()?,
            public_url: env.get(public_url).map(|_| env.url(public_url, "")).transpose()?,
            data_dir: data_dir.into(),
            password_kib: None,
        })
    }
}

/// A path such as `/supabase`.
fn checked_path(value: &str) -> Result<String, ConfigError> {
    let problem = |problem: &str| {
        Err(ConfigError::new("LOCAL_SUPABASE_PATH", format!("`{value}` {problem}")))
    };
    let path = value.trim_end_matches('/');
    let is_segment = |segment: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !segment.is_empty() && segment.chars().all(is_plain) && !segment.starts_with('.')
    };
    match path.strip_prefix('/').map(|path| path.split('/').collect::<Vec<_>>()) {
        Some(segments) if segments.iter().all(|segment| is_segment(segment)) => {
            match RESERVED.contains(&segments[0]) {
                true => problem("is a path of the API's own; take another, such as /supabase"),
                false => Ok(path.to_owned()),
            }
        }
        _ => problem("is not a path such as /supabase"),
    }
}
