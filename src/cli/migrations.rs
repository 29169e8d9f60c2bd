//! `chat-backend migrations`: the SQL that a Supabase project needs.

use std::fs;
use std::io;
use std::path::Path;

use crate::app::MIGRATIONS;

/// The SQL in its order, for an SQL editor or `psql`.
pub fn text() -> String {
    MIGRATIONS.iter().map(|(file, sql)| format!("-- {file}\n\n{}\n\n", sql.trim_end())).collect()
}

/// Writes the files that are missing in a folder, which is created if need be. A file of the same name
/// with another text stops it before anything is written.
pub fn write(folder: &Path) -> Result<String, String> {
    let mut missing = Vec::new();
    for (file, sql) in MIGRATIONS {
        let path = folder.join(file);
        match fs::read_to_string(&path) {
            Ok(text) if text.replace('\r', "") == sql.replace('\r', "") => {}
            Ok(_) => {
                return Err(format!(
                    "{} is there and says something else: an applied migration must not change. \
                     Move it away, or name another folder",
                    path.display()
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((path, sql)),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        }
    }
    let unwritable = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| format!("cannot write {path}: {error}")
    };
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    for (path, sql) in &missing {
        fs::write(path, sql).map_err(unwritable(path))?;
    }
    Ok(format!(
        "{} of {} migrations written to {}{}\n",
        missing.len(),
        MIGRATIONS.len(),
        folder.display(),
        if missing.len() < MIGRATIONS.len() { "; the others were there" } else { "" },
    ))
}
