//! The functions that delete accounts, and what is read about all of them. All are the service key's alone.

use serde::Serialize;
use uuid::Uuid;

use super::Function;

/// Marks an account as deleted: from then on its tokens reach nothing. Stops its answers.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct BeginAccountDeletion {
    pub p_user_id: Uuid,
}

impl Function for BeginAccountDeletion {
    const NAME: &'static str = "begin_account_deletion";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}

/// Deletes rows of an account that is marked as deleted; replies whether none is left.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct DeleteAccountRows {
    pub p_user_id: Uuid,
}

impl Function for DeleteAccountRows {
    const NAME: &'static str = "delete_account_rows";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}

/// Remembers that everything of an account was deleted.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EndAccountDeletion {
    pub p_user_id: Uuid,
}

impl Function for EndAccountDeletion {
    const NAME: &'static str = "end_account_deletion";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}

/// Claims accounts whose deletion is to be finished, for two minutes; replies their ids.
#[derive(Debug, Serialize)]
pub struct ClaimAccountDeletions {}

impl Function for ClaimAccountDeletions {
    const NAME: &'static str = "claim_account_deletions";
    // What a lost reply has claimed is claimed again when that has lapsed.
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<Uuid>;
}
