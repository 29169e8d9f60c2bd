//! Whether files and their bytes belong together. Users can store rows and objects that do not, so
//! findings are reported in numbers and are not problems.

use std::time::Duration;

use tokio::time::timeout;

use super::Report;
use crate::api::files::{Files, Orphans};

/// The most files that are named.
const MAX_SHOWN: usize = 5;
/// The timeout of the comparison.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn check(files: &Files, report: &mut Report) {
    match timeout(TIMEOUT, files.orphans()).await {
        Ok(Ok(orphans)) => report_orphans(&orphans, report),
        Ok(Err(error)) => {
            report.skipped(format!("files could not be compared with their bytes: {error}"));
        }
        Err(_) => report.skipped(format!(
            "files could not be compared with their bytes within {} s",
            TIMEOUT.as_secs()
        )),
    }
}

fn report_orphans(orphans: &Orphans, report: &mut Report) {
    let Orphans { rows, objects, looked_at, is_partial } = orphans;
    if *is_partial {
        report.skipped("files were not compared with their bytes: there are too many of them");
        return;
    }
    if rows.is_empty() && *objects == 0 {
        report.pass(format!("files and their bytes belong together: {looked_at}"));
    }
    if !rows.is_empty() {
        let shown: Vec<_> = rows.iter().take(MAX_SHOWN).map(ToString::to_string).collect();
        let more = if rows.len() > MAX_SHOWN { ", …" } else { "" };
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
