//! What can be checked of the bucket without the service key.

use super::Report;
use crate::app::App;

pub(super) async fn check(app: &App, was_compared: bool, report: &mut Report) {
    match app.state.files.bucket_is_public().await {
        Ok(false) => {
            report.pass("Storage answers, and the bucket files gives nothing to the public");
        }
        Ok(true) => report.problem(
            "the bucket files is public: everybody who guesses an address reads its files",
            "update storage.buckets set public = false where id = 'files'",
        ),
        Err(error) => report.problem(
            format!("Storage does not answer as it should: {error}"),
            "check whether /storage/v1 of the project works",
        ),
    }
    if !was_compared {
        report.skipped("whether the bucket files is there: only with SUPABASE_SERVICE_ROLE_KEY");
    }
}
