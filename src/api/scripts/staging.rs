//! Copies the user's files to a script, and a script's files to the user.

use uuid::Uuid;

use super::model::{MAX_CODE_BYTES, RunError, RunScript, ScriptRun, Status};
use super::names;
use crate::api::files::model::File;
use crate::api::files::{Files, NewFile, Owner};
use crate::http::error::ApiError;
use crate::sandbox::{Limits, ScriptFile};

/// The source: the one in the request, or that of the owner's file.
pub(super) async fn load_code(
    files: &Files,
    owner: &Owner,
    request: &RunScript,
) -> Result<String, ApiError> {
    let Some(file_id) = request.file_id else {
        return Ok(request.code.clone().unwrap_or_default());
    };
    let file = files.get(owner, file_id).await?;
    if file.size > MAX_CODE_BYTES as u64 {
        let problem = format!("is a file of more than {MAX_CODE_BYTES} bytes");
        return Err(ApiError::invalid("/file_id", problem));
    }
    let bytes = files.read(owner, file_id, MAX_CODE_BYTES).await?;
    let text = String::from_utf8(bytes.into()).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| ApiError::invalid("/file_id", "is not a text in UTF-8"))
}

/// The named files, to be put in `/files`.
pub(super) async fn load_files(
    files: &Files,
    owner: &Owner,
    ids: &[Uuid],
    limits: &Limits,
) -> Result<Vec<ScriptFile>, ApiError> {
    let found = files.get_many(owner, ids).await?;
    let find = |id: &Uuid| found.iter().find(|file| file.id == *id);
    let named: Option<Vec<&File>> = ids.iter().map(find).collect();
    let named = named.ok_or_else(|| ApiError::not_found("file"))?;
    let size: u64 = named.iter().map(|file| file.size).sum();
    if size > limits.files_bytes() {
        let most = limits.files_bytes();
        let problem = format!("have {size} bytes together, and a script may have {most}");
        return Err(ApiError::invalid("/files", problem));
    }
    let names = names::unique(named.iter().map(|file| file.name.as_str()));
    let mut staged = Vec::new();
    for (file, name) in named.into_iter().zip(names) {
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        staged.push(ScriptFile { name, data: files.read(owner, file.id, size).await? });
    }
    Ok(staged)
}

/// Saves the files that a script has written as files of its owner. The first that cannot be saved is an
/// error of the run, which is recorded all the same, with the others.
pub(super) async fn save_files(
    files: &Files,
    owner: &Owner,
    run: &mut ScriptRun,
    written: Vec<ScriptFile>,
) -> Result<(), ApiError> {
    let (mut saved, mut unsaved) = (Vec::new(), None);
    for file in written {
        let new = NewFile { name: file.name.clone(), chat_id: run.chat_id, ..NewFile::default() };
        match files.write(owner, new, file.data).await {
            Ok(file) => saved.push(file),
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) => {
                let message = format!("{} cannot be kept: {}", file.name, error.detail());
                let r#type = "FilesError".to_owned();
                let error = RunError { r#type, message, line: None, traceback: None };
                unsaved.get_or_insert(error);
            }
        }
    }
    if let Some(error) = unsaved {
        (run.status, run.error) = (Status::Error, Some(error));
    }
    run.files = files.signed(owner, saved).await?;
    Ok(())
}
