//! `chat-backend backup` and `chat-backend restore`: the local Supabase as one file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::app::{BackupContents, BackupError, back_up_local, restore_local};
use crate::config::{Config, SupabaseConfig};

/// Standard output or input.
const STANDARD: &str = "-";

/// Writes a backup of the local Supabase to a new file, which only its owner can read.
pub fn backup(config: &Config, file: &Path) -> Result<String, String> {
    let folder = data_dir(config, "backup")?;
    if file == Path::new(STANDARD) {
        let contents = back_up_local(folder, io::stdout().lock()).map_err(explain)?;
        // Standard output is the backup.
        let _ = io::stderr().write_all(saved(&contents, file).as_bytes());
        return Ok(String::new());
    }
    if file.symlink_metadata().is_ok() {
        return Err(format!("{} exists: name another file, or delete it first", file.display()));
    }
    if is_within(file, folder) {
        return Err(format!(
            "{} lies in the data folder itself: name a file elsewhere, or - for standard output",
            file.display()
        ));
    }
    // Under its own name a file is whole.
    let mut partial = OsString::from(file);
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let written = write(folder, &partial).and_then(|contents| {
        fs::rename(&partial, file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(saved(&contents, file))
    });
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Restores a backup into the folder of the local Supabase.
pub fn restore(config: &Config, file: &Path) -> Result<String, String> {
    let folder = data_dir(config, "restore")?;
    let restored = if file == Path::new(STANDARD) {
        restore_local(io::stdin().lock(), folder)
    } else {
        let input = File::open(file);
        restore_local(input.map_err(|error| format!("{}: {error}", file.display()))?, folder)
    };
    let contents = restored.map_err(explain)?;
    Ok(format!("Restored {} to {}\n", holds(&contents), folder.display()))
}

fn data_dir<'a>(config: &'a Config, command: &str) -> Result<&'a Path, String> {
    match &config.supabase {
        SupabaseConfig::Local(local) => Ok(&local.data_dir),
        SupabaseConfig::Project(_) => Err(format!(
            "SUPABASE_URL is set: {command} is for the local Supabase alone. A Supabase project has \
             backups of its own"
        )),
    }
}

fn explain(error: BackupError) -> String {
    match error {
        BackupError::NoDatabase { .. } | BackupError::NotEmpty { .. } | BackupError::Open(_) => {
            format!("DATA_DIR: {error}")
        }
        error => error.to_string(),
    }
}

fn write(folder: &Path, partial: &Path) -> Result<BackupContents, String> {
    let unwritable = |error: io::Error| format!("cannot write {}: {error}", partial.display());
    // What is left of an attempt before, or lies there for another reason, may be open to others.
    match fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let output = options.open(partial).map_err(unwritable)?;
    let contents = back_up_local(folder, &output).map_err(explain)?;
    output.sync_all().map_err(unwritable)?;
    Ok(contents)
}

/// Whether a file lies in a folder or below it.
fn is_within(file: &Path, folder: &Path) -> bool {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize();
    matches!((parent, folder.canonicalize()), (Ok(parent), Ok(folder)) if parent.starts_with(&folder))
}

fn saved(contents: &BackupContents, file: &Path) -> String {
    let missing = match contents.missing {
        0 => String::new(),
        missing => format!("{missing} files that the database names are not there.\n"),
    };
    format!(
        "Saved {} to {}\n{missing}It holds keys and personal data: keep it as you keep DATA_DIR\n",
        holds(contents),
        file.display(),
    )
}

fn holds(contents: &BackupContents) -> String {
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    format!(
        "the database ({}), {} files ({}) and the keys",
        megabytes(contents.database_bytes),
        contents.files,
        megabytes(contents.file_bytes)
    )
}
