//! The routes of `/api/scripts`.

use axum::Json as Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::model::{
    Capabilities, RunFilter, RunScript, ScriptRun, ScriptRunSummary, StoredScriptRun,
};
use super::{Scripts, store};
use crate::api::files::Owner;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Json, Page, PageQuery, Path, Query};
use crate::http::response;

/// Run a script in the sandbox
///
/// A script that fails is a 200 with its status. It has no network and none of the host's files. If
/// the client goes away, the script ends and is recorded as cancelled.
#[utoipa::path(post, path = "/api/scripts/run", tag = "scripts", operation_id = "run_script",
    request_body = RunScript,
    responses((status = 200, description = "How the script ended", body = ScriptRun),
        (status = 409, description = "The id is in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn run(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    Json(wanted): Json<RunScript>,
) -> Result<Body<ScriptRun>, ApiError> {
    let owner = Owner::from(&user);
    let place = scripts.enter(&owner, &wanted).await?;
    // This future is dropped when the client goes away; the task then records what there was.
    let _hung_up = place.cancelled.clone().drop_guard();
    let run = tokio::spawn(async move { scripts.run(&owner, wanted, place).await }).await;
    Ok(Body(run.map_err(|error| ApiError::internal(error.to_string()))??))
}

/// List the scripts that were run, newest first
///
/// Without what they read and wrote. The next page is in the `Link` header.
#[utoipa::path(get, path = "/api/scripts/runs", tag = "scripts", operation_id = "list_script_runs",
    params(RunFilter, PageQuery),
    responses((status = 200, description = "The runs", body = Vec<ScriptRunSummary>,
        headers(("Link" = String, description = "The next page, where there is one")))))]
pub async fn list(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    page: Page,
    Query(filter): Query<RunFilter>,
) -> Result<Response, ApiError> {
    let rows = store::list(&scripts.supabase, &user, &filter, &page).await?;
    page.respond(rows, &store::LIST)
}

/// Get a script that was run
#[utoipa::path(get, path = "/api/scripts/runs/{run_id}", tag = "scripts",
    operation_id = "get_script_run",
    params(("run_id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "The run", body = StoredScriptRun)))]
pub async fn get(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    Path(run_id): Path<Uuid>,
) -> Result<Response, ApiError> {
    Ok(response::json(store::get(&scripts.supabase, &user, run_id).await?))
}

/// Cancel or forget a script
///
/// One that runs, or waits for its turn, is cancelled, and its run recorded as such; that of one that
/// has ended is deleted. The files that a script wrote stay. A running script is known to the server
/// process that runs it: where several share the work, one that another process runs is a 404 here
/// until it ends; hanging up ends it too.
#[utoipa::path(delete, path = "/api/scripts/runs/{run_id}", tag = "scripts",
    operation_id = "delete_script_run",
    params(("run_id" = Uuid, Path, description = "The run")),
    responses((status = 204, description = "The script does not run any more, or its run is gone")))]
pub async fn delete(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    Path(run_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    scripts.remove(&Owner::from(&user), run_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What scripts can do here
#[utoipa::path(get, path = "/api/scripts/capabilities", tag = "scripts",
    operation_id = "script_capabilities",
    responses((status = 200, description = "Languages and limits", body = Capabilities)))]
pub async fn capabilities(State(scripts): State<Scripts>, _: CurrentUser) -> Body<Capabilities> {
    Body(scripts.capabilities().await)
}
