//! `chat-backend reset-local`: deletes the tables of `MIGRATIONS_DIR`, so that they are created anew.

use std::path::PathBuf;

use crate::app::reset_own_tables;
use crate::config::{Config, SupabaseConfig};

/// A reset of the local Supabase in a folder.
pub struct Reset {
    data_dir: PathBuf,
}

impl Reset {
    /// The reset of the local Supabase that the settings name.
    pub fn new(config: &Config) -> Result<Self, String> {
        match &config.supabase {
            SupabaseConfig::Local(local) => Ok(Self { data_dir: local.data_dir.clone() }),
            SupabaseConfig::Project(_) => {
                Err("SUPABASE_URL is set: reset-local is for the local Supabase alone".to_owned())
            }
        }
    }

    /// The question to confirm before anything is deleted.
    pub fn question(&self) -> String {
        format!(
            "This deletes the tables that your own migrations have made in {}, with all of their rows.\n\
             Users, files and the tables of chat-backend stay. Go on? [y/N] ",
            self.data_dir.display()
        )
    }

    /// Deletes the tables.
    pub fn run(&self) -> Result<String, String> {
        reset_own_tables(&self.data_dir).map_err(|error| error.to_string())?;
        Ok("Done. The next start applies the migrations in MIGRATIONS_DIR from the first.\n"
            .to_owned())
    }
}
