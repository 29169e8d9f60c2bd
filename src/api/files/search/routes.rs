//! The route of the search.

use axum::extract::State;

use super::model::{FileSearchQuery, FoundPassages};
use super::service::FileSearch;
use crate::api::files::service::Owner;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::Query;

/// Search files
///
/// Finds passages in the text of your files, best first. Words are found in all their forms, and without
/// regard to case and accents. Files are read in the background when they are uploaded; a search waits up to
/// five seconds for those that have not been read yet.
#[utoipa::path(get, path = "/api/files/search", tag = "files", operation_id = "search_files",
    params(FileSearchQuery),
    responses((status = 200, description = "The passages", body = FoundPassages)))]
pub async fn search(
    State(search): State<FileSearch>,
    user: CurrentUser,
    Query(query): Query<FileSearchQuery>,
) -> Result<axum::Json<FoundPassages>, ApiError> {
    Ok(axum::Json(search.search(&Owner::from(&user), query).await?))
}
