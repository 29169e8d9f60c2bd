//! Files that no object names.
//!
//! A crash leaves some behind, but a restored backup of the database does not name any of the newer
//! ones either. So they are moved to a folder for the day and removed a week later; a database that
//! names them again gets them back.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::data_dir::create_private_dir;

/// A subfolder of the folder of the files, so that moving a file never copies it.
const FOLDER: &str = "set-aside";
/// How long a file is kept.
const DAYS: i32 = 7;

/// Moves files in and out of quarantine, so that the folder holds those that the database names.
pub(super) fn cleanup(folder: &Path, versions: &HashSet<String>, today: Date) -> io::Result<()> {
    let aside = folder.join(FOLDER);
    let days = days(&aside)?;
    let restored = restore(folder, versions, &days)?;
    if restored > 0 {
        tracing::warn!(
            "{restored} files that were set aside were moved back to {}",
            folder.display()
        );
    }
    for (_, old) in days.iter().filter(|(day, _)| (today - *day).get_days() > DAYS) {
        fs::remove_dir_all(old)?;
    }
    let today = aside.join(today.to_string());
    let moved = quarantine(folder, versions, &today)?;
    if moved > 0 {
        tracing::warn!(
            "{moved} files of Storage are not in the database (is it an older one?). They are kept \
             for {DAYS} days in {}",
            today.display()
        );
    }
    Ok(())
}

/// The quarantine folders, one for each day.
fn days(aside: &Path) -> io::Result<Vec<(Date, PathBuf)>> {
    let entries = match fs::read_dir(aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut days = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let day = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        days.extend(day.map(|day: Date| (day, path)));
    }
    Ok(days)
}

fn restore(
    folder: &Path,
    versions: &HashSet<String>,
    days: &[(Date, PathBuf)],
) -> io::Result<usize> {
    let mut restored = 0;
    for (_, day) in days {
        for entry in fs::read_dir(day)? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if is_named(&entry, versions) && !path.exists() {
                fs::rename(entry.path(), path)?;
                restored += 1;
            }
        }
    }
    Ok(restored)
}

fn quarantine(folder: &Path, versions: &HashSet<String>, to: &Path) -> io::Result<usize> {
    let mut moved = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_named(&entry, versions) || entry.file_name() == FOLDER {
            continue;
        }
        if entry.path().extension().is_some_and(|extension| extension == "part") {
            // An upload that never finished.
            fs::remove_file(entry.path())?;
            continue;
        }
        create_private_dir(to)?;
        fs::rename(entry.path(), to.join(entry.file_name()))?;
        moved += 1;
    }
    Ok(moved)
}

fn is_named(entry: &fs::DirEntry, versions: &HashSet<String>) -> bool {
    entry.file_name().to_str().is_some_and(|name| versions.contains(name))
}
