//! Whether PostgREST returns a whole page. Its limit shows only if there are more rows.

use super::Report;
use crate::app::expected_schema;
use crate::supabase::{Caller, Supabase, SupabaseError};

/// The longest page and one more row, which shows whether there is a next page.
const PAGE: usize = 201;

pub(super) async fn check(supabase: &Supabase, report: &mut Report) {
    if !supabase.has_service_key() {
        report.skipped("PostgREST's max rows: only with SUPABASE_SERVICE_ROLE_KEY");
        return;
    }
    for table in expected_schema().tables {
        match limit(supabase, table.name).await {
            Ok(Limit::Enough) => {
                return report.pass(format!("PostgREST gives out {PAGE} rows at once"));
            }
            Ok(Limit::Of(rows)) => {
                return report.problem(
                    format!("PostgREST gives out no more than {rows} rows, a page needs {PAGE}"),
                    "raise \"Max rows\" (Project Settings > Data API; db-max-rows) to 1000",
                );
            }
            Ok(Limit::NotSeen) => {}
            Err(error) => return report.skipped(format!("PostgREST's max rows: {error}")),
        }
    }
    // With so few rows it has no effect.
    report.note(format!("no table has {PAGE} rows yet, so PostgREST's max rows does not show"));
}

enum Limit {
    Enough,
    Of(usize),
    NotSeen,
}

async fn limit(supabase: &Supabase, table: &str) -> Result<Limit, SupabaseError> {
    let rows = count(supabase, table, 0, PAGE).await?;
    if rows >= PAGE {
        return Ok(Limit::Enough);
    }
    // The number must be the same twice: rows that are stored meanwhile must not cause a report.
    let is_cut = count(supabase, table, rows, 1).await? > 0
        && count(supabase, table, 0, PAGE).await? == rows;
    Ok(if is_cut { Limit::Of(rows) } else { Limit::NotSeen })
}

async fn count(
    supabase: &Supabase,
    table: &str,
    offset: usize,
    limit: usize,
) -> Result<usize, SupabaseError> {
    let query = supabase.rest(Caller::Service).from(table).select("user_id").order("user_id.asc");
    let rows = query.parameter("offset", offset).limit(limit).rows().await?;
    Ok(rows.split()?.len())
}
