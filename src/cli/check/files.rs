//! Whether files and their bytes belong together. Users can store rows and objects that do not, so
//! what is found is told, in numbers, and fails nothing.

use std::time::Duration;

use tokio::time::timeout;

use super::Report;
use crate::api::files::{Files, Orphans};

/// How many files are named.
const SHOWN: usize = 5;
/// The longest that the comparison may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn check(files: &Files, report: &mut Report) {
    match timeout(PATIENCE, files.orphans()).await {
        Ok(Ok(orphans)) => report_orphans(&orphans, report),
        Ok(Err(error)) => {
            report.unseen(format!("files could not be compared with their bytes: {error}"));
        }
        Err(_) => report.unseen(format!(
            "files could not be compared with their bytes within {} s",
            PATIENCE.as_secs()
        )),
    }
}

fn report_orphans(orphans: &Orphans, report: &mut Report) {
    let Orphans { rows, objects, looked_at, is_partial } = orphans;
    if *is_partial {
        report.unseen("files were not compared with their bytes: there are too many of them");
        return;
    }
    if rows.is_empty() && *objects == 0 {
        report.good(format!("files and their bytes belong together: {looked_at}"));
    }
    if !rows.is_empty() {
        let shown: Vec<_> = rows.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if rows.len() > SHOWN { ", …" } else { "" };
        report.note(format!(
            "files whose bytes are gone: {} ({}{more}). Their users can delete them; a backup may \
             have the bytes",
            rows.len(),
            shown.join(", ")
        ));
    }
    if *objects > 0 {
        report.note(format!("objects in the bucket that no file names: {objects}"));
    }
}
