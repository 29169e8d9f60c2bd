//! The content of files in an archive, and what is wrong with it.

use std::fmt::Write;

use futures_util::StreamExt;
use uuid::Uuid;

use super::archive::{Archive, Broken, Packing};
use super::names;
use crate::api::files::{Files, Owner};
use crate::http::error::ApiError;

/// After so many files in a row that Storage did not hand out it is not asked any more.
const MAX_FAILURES: usize = 3;
/// How many files are named.
const MAX_LINES: usize = 1_000;

/// What is read of a file's row.
#[derive(serde::Deserialize)]
pub(super) struct File {
    id: Uuid,
    name: String,
    size: u64,
    media_type: String,
}

/// The files whose content is not, or not all, in the archive.
#[derive(Default)]
pub(super) struct FileProblems {
    lines: String,
    count: usize,
    failures_in_a_row: usize,
}

/// Why a file's content is not all there.
enum Problem {
    Missing,
    Failed(String),
    Incomplete(u64),
}

impl FileProblems {
    /// Adds the content of a file, as far as there is any. What Storage does not hand out breaks nothing.
    pub(super) async fn write_file(
        &mut self,
        files: &Files,
        owner: &Owner,
        archive: &mut Archive,
        file: &File,
    ) -> Result<(), Broken> {
        if self.failures_in_a_row >= MAX_FAILURES {
            self.add(file, &Problem::Failed("storage_unreachable".to_owned()));
            return Ok(());
        }
        match self.try_to_write(files, owner, archive, file).await? {
            None => self.failures_in_a_row = 0,
            Some(problem) => {
                let is_missing = matches!(problem, Problem::Missing);
                self.failures_in_a_row = if is_missing { 0 } else { self.failures_in_a_row + 1 };
                self.add(file, &problem);
            }
        }
        Ok(())
    }

    async fn try_to_write(
        &self,
        files: &Files,
        owner: &Owner,
        archive: &mut Archive,
        file: &File,
    ) -> Result<Option<Problem>, Broken> {
        let download = match files.stream(owner, file.id, None).await {
            Ok(download) => download,
            Err(error) => return Ok(Some(problem(&error))),
        };
        let is_text = file.media_type.starts_with("text/");
        let packing = if is_text { Packing::Deflated } else { Packing::Stored };
        let size = download.length.unwrap_or(file.size).max(file.size);
        if !archive.begin(&names::file(file.id, &file.name), packing, size).await? {
            return Ok(None);
        }
        let mut written = 0;
        let mut bytes = std::pin::pin!(download.bytes);
        while let Some(piece) = bytes.next().await {
            let Ok(piece) = piece else { return Ok(Some(Problem::Incomplete(written))) };
            written += piece.len() as u64;
            archive.write(&piece).await?;
        }
        Ok((written != file.size).then_some(Problem::Incomplete(written)))
    }

    fn add(&mut self, file: &File, problem: &Problem) {
        self.count += 1;
        if self.count > MAX_LINES {
            return;
        }
        let what = match problem {
            Problem::Missing => "its content is gone".to_owned(),
            Problem::Failed(code) => format!("its content could not be read ({code})"),
            Problem::Incomplete(written) => {
                format!("only {written} of its {} bytes could be read", file.size)
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.lines, "{}: {what}", names::file(file.id, &file.name));
    }

    /// What to tell; nothing if all is there.
    pub(super) fn text(self) -> Option<String> {
        let more = self.count.saturating_sub(MAX_LINES);
        let rest = if more > 0 { format!("… and {more} more\n") } else { String::new() };
        (self.count > 0).then(|| {
            format!(
                "Not everything could be exported. Try again later for what could not be read.\n\n\
                 {}{rest}",
                self.lines
            )
        })
    }
}

fn problem(error: &ApiError) -> Problem {
    match error.status().as_u16() {
        404 => Problem::Missing,
        _ => Problem::Failed(error.code().to_owned()),
    }
}
