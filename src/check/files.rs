//! Whether files and their bytes belong together.

use super::Report;
use crate::files::{Files, Orphans};

/// How many names are shown.
const SHOWN: usize = 5;

pub(super) async fn check(files: &Files, report: &mut Report) {
    match files.orphans().await {
        Ok(orphans) => told(&orphans, report),
        Err(error) => report.problem(
            format!("files cannot be compared with their bytes: {error}"),
            "check that Storage works and that the bucket `files` is there",
        ),
    }
}

fn told(orphans: &Orphans, report: &mut Report) {
    let Orphans { rows, objects, looked_at, is_partial } = orphans;
    if *is_partial {
        report
            .note(format!("more than {looked_at} files: they were not compared with their bytes"));
        return;
    }
    if rows.is_empty() && objects.is_empty() {
        report.good(format!("files and their bytes belong together: {looked_at}"));
    }
    if !rows.is_empty() {
        report.problem(
            format!("files whose bytes are gone: {}", names(rows)),
            "delete them, or bring the bytes back from a backup",
        );
    }
    if !objects.is_empty() {
        report.note(format!("bytes in the bucket that no file names: {}", names(objects)));
    }
}

fn names(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
