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
/// A script that fails returns 200 with the status of the script. Scripts have no network and no access to the host's
/// files. If the client disconnects, the script is cancelled and recorded as such.
#[utoipa::path(post, path = "/api/scripts/run", tag = "scripts", operation_id = "run_script",
    request_body = RunScript,
    responses((status = 200, description = "The outcome of the script", body = ScriptRun),
        (status = 409, description = "The ID is already in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn run(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    Json(request): Json<RunScript>,
) -> Result<Body<ScriptRun>, ApiError> {
    let owner = Owner::from(&user);
    let permit = scripts.acquire_permit(&owner, &request).await?;
    // This future is dropped when the client goes away; the task then records what there was.
    let _hung_up = permit.cancelled.clone().drop_guard();
    let run = tokio::spawn(async move { scripts.run(&owner, request, permit).await }).await;
    Ok(Body(run.map_err(|error| ApiError::internal(error.to_string()))??))
}

/// List script runs
///
/// Newest first, without source code, input and output. The `Link` header has the address of the next
/// page.
#[utoipa::path(get, path = "/api/scripts/runs", tag = "scripts", operation_id = "list_script_runs",
    params(RunFilter, PageQuery),
    responses((status = 200, description = "The runs", body = Vec<ScriptRunSummary>,
        headers(("Link" = String, description = "The next page, if there is one")))))]
pub async fn list(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    page: Page,
    Query(filter): Query<RunFilter>,
) -> Result<Response, ApiError> {
    let rows = store::list(&scripts.supabase, &user, &filter, &page).await?;
    page.respond(rows, &store::LIST)
}

/// Get a script run
///
/// Returns the run with its source code, input, output and files.
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

/// Cancel or delete a script run
///
/// Cancels a script that is running or waiting, and records its run as cancelled; deletes the run of a
/// script that has ended. Files that the script wrote are kept. Only the server process that runs a
/// script can cancel it: with several processes, a script that another one runs is a 404 until it ends.
/// Disconnecting cancels it as well.
#[utoipa::path(delete, path = "/api/scripts/runs/{run_id}", tag = "scripts",
    operation_id = "delete_script_run",
    params(("run_id" = Uuid, Path, description = "The run")),
    responses((status = 204, description = "The script was cancelled or its run deleted")))]
pub async fn delete(
    State(scripts): State<Scripts>,
    user: CurrentUser,
    Path(run_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    scripts.remove(&Owner::from(&user), run_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get the languages and limits of scripts
///
/// Says which languages this server runs, which modules they can use, and what a script may consume.
#[utoipa::path(get, path = "/api/scripts/capabilities", tag = "scripts",
    operation_id = "script_capabilities",
    responses((status = 200, description = "Languages and limits", body = Capabilities)))]
pub async fn capabilities(State(scripts): State<Scripts>, _: CurrentUser) -> Body<Capabilities> {
    Body(scripts.capabilities().await)
}
