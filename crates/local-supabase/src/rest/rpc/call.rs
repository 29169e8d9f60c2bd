//! Calling a function.

use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use rusqlite::Connection;

use super::arguments::Arguments;
use super::binding::{self, unknown_function};
use super::function::{Function, FunctionBody};
use crate::rest::error::RestError;
use crate::rest::headers::{MediaType, Range};
use crate::rest::payload::{Object, parse_arguments};
use crate::rest::request::Request;
use crate::rest::response::{CONTENT_RANGE, PREFERENCE_APPLIED, empty, full, with_header};
use crate::rest::session::Session;
use crate::rest::sql::RowSet;
use crate::rest::subquery_columns;
use crate::rest::table::{page_response, read_page};
use crate::rest::table_context::TableContext;
use crate::rest::transaction::{self, Transactions};
use crate::role::Role;

/// Answers a request for the function of that name.
pub async fn answer(
    transactions: &Transactions<'_>,
    functions: &'static [Function],
    session: Session,
    name: &str,
    request: Request,
) -> Result<Response, RestError> {
    let bytes = request.body.len();
    let by_post = match request.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        Method::OPTIONS => return options(functions, name),
        ref other => return Err(RestError::rpc_method(other.as_str())),
    };
    let name = name.to_owned();
    let read = move || read(functions, &name, session, request, by_post);
    let (function, arguments, request) = transaction::read_body(bytes, read).await?;
    if session.role == Role::Anon {
        return Err(RestError::permission_denied("function", function.name));
    }
    let is_volatile = function.body.is_volatile();
    if is_volatile && !by_post {
        return Err(RestError::read_only());
    }
    let work = move |connection: &_| call(connection, session, function, &arguments, &request);
    if is_volatile {
        transactions.write(session, work).await
    } else {
        transactions.read(session, work).await
    }
}

fn read(
    functions: &'static [Function],
    name: &str,
    session: Session,
    mut request: Request,
    by_post: bool,
) -> Result<(&'static Function, Arguments, Request), RestError> {
    let body = std::mem::take(&mut request.body);
    let given = if by_post { parse_arguments(&request.headers, &body)? } else { Object::new() };
    let function = find(functions, name, &given, &request, by_post)?;
    let arguments = if by_post {
        binding::from_json(function, &given, session)?
    } else {
        binding::from_query(function, &request.query.arguments, session)?
    };
    Ok((function, arguments, request))
}

fn find(
    functions: &'static [Function],
    name: &str,
    given: &Object,
    request: &Request,
    by_post: bool,
) -> Result<&'static Function, RestError> {
    functions.iter().find(|function| function.name == name).ok_or_else(|| {
        let in_body = given.keys().map(String::as_str);
        let in_query = request.query.arguments.iter().map(|(name, _)| name.as_str());
        unknown_function(functions, name, in_body.chain(in_query).collect(), by_post)
    })
}

fn options(functions: &[Function], name: &str) -> Result<Response, RestError> {
    let function = functions.iter().find(|function| function.name == name);
    let function = function.ok_or_else(|| unknown_function(functions, name, Vec::new(), false))?;
    let allowed =
        if function.body.is_volatile() { "OPTIONS,POST" } else { "OPTIONS,GET,HEAD,POST" };
    Ok(with_header(empty(StatusCode::OK), ALLOW, Some(allowed.to_owned())))
}

fn call(
    connection: &Connection,
    session: Session,
    function: &Function,
    arguments: &Arguments,
    request: &Request,
) -> Result<Response, RestError> {
    match function.body {
        FunctionBody::Search(table, condition) => {
            let table = session.table(table)?;
            subquery_columns::check_call(session.schema, table, &request.query.root)?;
            let condition = condition(session, arguments)?;
            let rows = RowSet::Matching(&condition);
            let page = read_page(TableContext { connection, session, table }, rows, request)?;
            Ok(page_response(page, request))
        }
        FunctionBody::SetOf(table, body) => {
            let table = session.table(table)?;
            subquery_columns::check_call(session.schema, table, &request.query.root)?;
            let rows = body(connection, session, arguments)?;
            request.preferences.check_affected(rows.len())?;
            let context = TableContext { connection, session, table };
            let page = read_page(context, RowSet::Rows(&rows), request)?;
            Ok(page_response(page, request))
        }
        FunctionBody::Jsonb(body) | FunctionBody::Report(body) => {
            if request.preferences.strict_max_affected().is_some() {
                return Err(RestError::max_affected_rpc());
            }
            jsonb_response(body(connection, session, arguments)?, request)
        }
    }
}

/// A single value, which counts as one row.
fn jsonb_response(value: String, request: &Request) -> Result<Response, RestError> {
    if request.media_type == MediaType::Csv {
        return Err(RestError::media_type("text/csv"));
    }
    let total = request.preferences.count.map(|_| 1);
    let range = Range { offset: 0, limit: None }.content_range(1, total);
    let response = full(StatusCode::OK, request.media_type, Some(value));
    let response = with_header(response, CONTENT_RANGE, Some(range));
    let applied = request.preferences.applied(&["count", "handling"]);
    Ok(with_header(response, PREFERENCE_APPLIED, applied))
}
