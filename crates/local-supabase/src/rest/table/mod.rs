//! `/{table}`: the methods on a table.

mod create;
mod delete;
mod put;
mod read;
mod update;
mod written;

pub(super) use read::{page_response, read_page};

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::error::RestError;
use super::request::Request;
use super::response::{empty, with_header};
use super::session::Session;
use super::table_context::TableContext;
use super::transaction::{self, Transactions};

/// Answers a request for the table of that name.
pub(super) async fn answer(
    transactions: &Transactions<'_>,
    session: Session,
    name: &str,
    request: Request,
) -> Result<Response, RestError> {
    let table = session.schema.table(name)?;
    let write = match request.method {
        Method::GET | Method::HEAD => {
            return transactions
                .read(session, move |connection| {
                    read::read(TableContext { connection, session, table }, &request)
                })
                .await;
        }
        Method::POST => create::create,
        Method::PUT => put::put,
        Method::PATCH => update::update,
        Method::DELETE => delete::delete,
        Method::OPTIONS => return Ok(options()),
        ref other => return Err(RestError::unsupported_method(other.as_str())),
    };
    let has_rows = request.method != Method::DELETE;
    let request = if has_rows {
        transaction::read_body(request.body.len(), || request.read_payload()).await?
    } else {
        request
    };
    // The query decides how many rows these change.
    let changes_many = matches!(request.method, Method::PATCH | Method::DELETE);
    let work = move |connection: &_| write(TableContext { connection, session, table }, request);
    if changes_many {
        transactions.write_many(session, work).await
    } else {
        transactions.write(session, work).await
    }
}

fn options() -> Response {
    let allowed = "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE".to_owned();
    let response = with_header(empty(StatusCode::OK), ALLOW, Some(allowed));
    with_header(response, ACCESS_CONTROL_ALLOW_ORIGIN, Some("*".to_owned()))
}
