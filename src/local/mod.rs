//! The local Supabase as this server offers it: with our tables, functions and buckets.

mod computed;
mod functions;
mod migrations;
mod saved;
mod registrations;
mod own_tables;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

use crate::config::CorsOrigins;
use crate::http::addresses::{Addresses, network};
use crate::http::allowed_hosts::AllowedHosts;
use crate::http::{cors, security_headers};
use crate::local_supabase::{Bucket, ClientAddress, Project, SchemaDescription};

pub use crate::local_supabase::{
    BackupContents, BackupError, FunctionDescription, LocalSupabase, OpenError, Options,
    PASSWORD_KIB, PUBLISHABLE_KEY, TableDescription,
};

/// What `supabase/migrations` makes of a new project.
pub static PROJECT: Project = Project {
    functions: functions::FUNCTIONS,
    buckets: &[Bucket { id: "files", is_public: false }],
    check_user: Some(functions::accounts::check_account),
    ..migrations::TABLES
};

pub use migrations::MIGRATIONS;
pub use own_tables::{MigrationsError, OwnTables, read_own_tables};

/// The tables and functions that this version of the server needs.
pub fn expected_schema() -> SchemaDescription {
    PROJECT.describe()
}

/// What its listener serves: pages of these origins and of this machine may call it, under these names.
pub fn router(supabase: &LocalSupabase, cors_origins: CorsOrigins, hosts: AllowedHosts) -> Router {
    supabase
        .router()
        .layer(from_fn(insert_client_address))
        .layer(hosts.layer(refuse_host))
        .layer(cors::layer(cors_origins, true))
        .layer(map_response(complete))
}

/// What it answers may be on the origin of a page that has tokens (`LOCAL_SUPABASE_PATH`).
async fn complete(mut response: Response) -> Response {
    security_headers::complete(response.headers_mut(), false);
    response
}

async fn insert_client_address(mut request: Request, next: Next) -> Response {
    let address = network(Addresses::from_extensions(request.extensions()).client);
    request.extensions_mut().insert(ClientAddress(address));
    next.run(request).await
}

/// Real projects have names of their own; this one is reached by any that leads here.
fn refuse_host(refusal: &str) -> Response {
    let body =
        json!({ "code": "host_not_allowed", "details": null, "hint": null, "message": refusal });
    (StatusCode::MISDIRECTED_REQUEST, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
