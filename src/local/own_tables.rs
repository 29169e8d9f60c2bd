//! `MIGRATIONS_DIR`: the migrations of a front end's own tables, and what the Supabase CLI's
//! `config.toml` beside them says of these tables.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::local_supabase::migrations::Migration;

/// The tables of a front end.
#[derive(Debug)]
pub struct OwnTables {
    /// The files that make them.
    pub migrations: Vec<Migration>,
    /// Whether requests may use them without a grant. `None` without a `config.toml`.
    pub auto_expose_new_tables: Option<bool>,
}

/// Why they cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MigrationsError {
    /// The folder or one of its files.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder of a project was given instead of the one within it.
    #[error("{} has no migrations; the Supabase CLI keeps them in {}", path.display(), inner.display())]
    Outside {
        /// What was given.
        path: PathBuf,
        /// What was probably meant.
        inner: PathBuf,
    },
    /// `config.toml` is not what the Supabase CLI reads.
    #[error("{}:{line}: {problem}. Fix the file as the Supabase CLI reads it", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Reads the folder, and `config.toml` in the one above it.
pub fn read_own_tables(folder: &Path) -> Result<OwnTables, MigrationsError> {
    let migrations = read_migrations(folder)?;
    let real = folder.canonicalize().map_err(unreadable(folder))?;
    let config = real.parent().map(|parent| parent.join("config.toml"));
    let auto_expose_new_tables = match config {
        Some(config) => read_config(&config)?,
        None => None,
    };
    Ok(OwnTables { migrations, auto_expose_new_tables })
}

/// The files that the Supabase CLI would apply, in its order: digits, an underscore, a name, `.sql`.
fn read_migrations(folder: &Path) -> Result<Vec<Migration>, MigrationsError> {
    let mut migrations = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_migration(name) {
            let sql = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            let sql = sql.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(sql);
            migrations.push(Migration::new(name, sql));
        }
    }
    migrations.sort_by(|a, b| a.file.cmp(&b.file));
    let inner = ["supabase/migrations", "migrations"].map(|inner| folder.join(inner));
    match inner.into_iter().find(|inner| migrations.is_empty() && inner.is_dir()) {
        Some(inner) => Err(MigrationsError::Outside { path: folder.to_owned(), inner }),
        None => Ok(migrations),
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> MigrationsError {
    let path = path.to_owned();
    move |source| MigrationsError::Unreadable { path, source }
}

fn is_migration(name: &str) -> bool {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && name[digits..].starts_with('_') && name.ends_with(".sql")
}

/// What of `config.toml` is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    api: ApiConfig,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiConfig {
    /// Not exposed where it is not set, as on Supabase.
    auto_expose_new_tables: bool,
}

/// Whether new tables are exposed, if there is such a file.
fn read_config(path: &Path) -> Result<Option<bool>, MigrationsError> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(unreadable(path))?,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let config: Config = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let problem = error.message().replace('\n', ", ");
        MigrationsError::Config { path: path.to_owned(), line, problem }
    })?;
    Ok(Some(config.api.auto_expose_new_tables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_config_toml_says_of_new_tables() {
        let folder = std::env::temp_dir().join(format!("chat-config-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(folder.join("migrations")).unwrap();
        let read = |text: &str| {
            std::fs::write(folder.join("config.toml"), text).unwrap();
            let read = read_own_tables(&folder.join("migrations"));
            read.map(|tables| tables.auto_expose_new_tables).map_err(|error| error.to_string())
        };
        let none = read_own_tables(&folder.join("migrations")).unwrap();
        assert_eq!(none.auto_expose_new_tables, None);
        let cases = [
            ("", false),
            ("project_id = 'x'\n[api]\nenabled = true\n[auth.email]\notp_length = 6", false),
            ("[db]\nauto_expose_new_tables = true", false),
            ("[api]\nauto_expose_new_tables = false", false),
            ("\u{feff}[api]\nauto_expose_new_tables = true # deprecated", true),
            ("api.auto_expose_new_tables = true", true),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(Some(expected)), "{text}");
        }
        let broken = ["[api\n", "\n[api]\nauto_expose_new_tables = 'yes'", "a = 1\na = 2"];
        for (text, line) in broken.iter().zip([1, 3, 2]) {
            let message = read(text).unwrap_err();
            assert!(message.contains(&format!("config.toml:{line}: ")), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
