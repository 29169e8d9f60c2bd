//! `MIGRATIONS_DIR`: the migrations of a front end's own tables.

use std::io;
use std::path::{Path, PathBuf};

use crate::local_supabase::migrations::Migration;

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
}

/// The files that the Supabase CLI would apply, in its order: digits, an underscore, a name, `.sql`.
pub fn read_migrations(folder: &Path) -> Result<Vec<Migration>, MigrationsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| MigrationsError::Unreadable { path, source }
    };
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

fn is_migration(name: &str) -> bool {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && name[digits..].starts_with('_') && name.ends_with(".sql")
}
