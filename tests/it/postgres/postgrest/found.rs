//! What a statement found, and the answer that PostgREST makes of it.

use axum::body::Body as Response;
use axum::http::Response as Http;

use super::failure::Failure;
use super::query::Query;
use super::statement::{Format, Wants};

/// What a statement found.
pub struct Found {
    /// Of all rows, where they were counted; of a write, how many rows were new.
    pub total: Option<i64>,
    pub rows: i64,
    pub body: String,
    pub location: String,
}

impl Found {
    /// Refuses another number of rows than was wanted.
    pub fn check(self, verb: &str, wants: Wants<'_>) -> Result<Self, Failure> {
        let rows = self.rows;
        let (status, code, message, details) = match verb {
            "PUT" if rows != 1 => {
                let message = "Payload values do not match URL in primary key column(s)";
                return Err(Failure::new(400, "PGRST115", message));
            }
            "PATCH" | "DELETE" if wants.max_affected.is_some_and(|most| rows > most) => {
                let message = "Query result exceeds max-affected preference constraint";
                (400, "PGRST124", message, format!("The query affects {rows} rows"))
            }
            _ if wants.format == Format::Object && rows != 1 => {
                let message = "Cannot coerce the result to a single JSON object";
                (406, "PGRST116", message, format!("The result contains {rows} rows"))
            }
            _ => return Ok(self),
        };
        Err(Failure::new(status, code, message).details(details))
    }

    pub fn respond(
        self,
        verb: &str,
        path: &str,
        query: &Query,
        wants: Wants<'_>,
    ) -> Http<Response> {
        let reads = ["GET", "HEAD"].contains(&verb) || path.starts_with("rpc/");
        let shows = reads || wants.representation;
        let offset = query.read.offset as i64;
        let mut response = Http::builder().status(self.status(verb, reads, shows, offset, wants));
        response = response.header("content-type", "application/json; charset=utf-8");
        if verb != "PUT" {
            let range = self.content_range(verb, reads, offset, wants);
            response = response.header("content-range", range);
        }
        if !self.location.is_empty() {
            response = response.header("location", format!("/{path}?{}", self.location));
        }
        let body = match self.total {
            Some(total) if reads && offset > total => beyond_the_end(offset, total),
            _ if shows && verb != "HEAD" => self.body,
            _ => String::new(),
        };
        response.body(body.into()).unwrap()
    }

    fn status(&self, verb: &str, reads: bool, shows: bool, offset: i64, wants: Wants<'_>) -> u16 {
        match (verb, self.total) {
            (_, Some(total)) if reads && offset > total => 416,
            (_, Some(total)) if reads && self.rows < total => 206,
            _ if reads => 200,
            ("POST", Some(inserted)) if inserted <= 0 => 200,
            ("POST", None) if wants.resolution == Some("merge-duplicates") => 200,
            ("POST", _) => 201,
            ("PUT", Some(inserted)) if shows && inserted > 0 => 201,
            _ if shows => 200,
            _ => 204,
        }
    }

    fn content_range(&self, verb: &str, reads: bool, offset: i64, wants: Wants<'_>) -> String {
        let total = if reads { self.total } else { wants.count.then_some(self.rows) };
        let range = match verb {
            "POST" | "DELETE" if !reads => "*".to_owned(),
            _ if self.rows == 0 || total == Some(0) => "*".to_owned(),
            _ => format!("{offset}-{}", offset + self.rows - 1),
        };
        format!("{range}/{}", total.map_or_else(|| "*".to_owned(), |total| total.to_string()))
    }
}

fn beyond_the_end(offset: i64, total: i64) -> String {
    let details = format!("An offset of {offset} was requested, but there are only {total} rows.");
    let failure = Failure::new(416, "PGRST103", "Requested range not satisfiable");
    failure.details(details).body()
}
