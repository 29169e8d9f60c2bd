//! What the entries of the configuration file are built with.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::{Config, FileConfig, Project, SupabaseConfig};
use crate::tool_sources::egress::Egress;

/// What the entries of the configuration file are built with.
pub struct Setup<'a> {
    /// The client.
    pub egress: &'a Egress,
    /// The project; none with the local Supabase, which has no Edge Functions.
    pub project: Option<&'a Project>,
    /// The values of the variables in `secrets`.
    pub secrets: &'a HashMap<String, SecretString>,
    /// How long a call may take where the entry says nothing.
    pub timeout: Duration,
    /// The longest result where the entry says nothing.
    pub max_result_bytes: usize,
    /// For pauses.
    pub clock: &'a Clock,
}

impl<'a> Setup<'a> {
    /// What these settings and this file say.
    pub fn new(
        config: &'a Config,
        file: &'a FileConfig,
        egress: &'a Egress,
        clock: &'a Clock,
    ) -> Self {
        let project = match &config.supabase {
            SupabaseConfig::Project(project) => Some(project),
            SupabaseConfig::Local(_) => None,
        };
        Self {
            egress,
            project,
            secrets: &file.secrets,
            timeout: config.tool_timeout,
            max_result_bytes: config.tool_result_bytes,
            clock,
        }
    }
}
