//! The response types of `/api/account`.

use serde::Serialize;
use utoipa::ToSchema;

/// State of a deletion that is not finished yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountDeletion {
    /// Always `deleting`.
    #[schema(example = "deleting")]
    pub status: &'static str,
}
