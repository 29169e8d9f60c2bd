//! The function by which a replica takes an answer over from another one.

use serde::Serialize;
use uuid::Uuid;

use super::{BeginReply, Function};
use crate::agent::Reserve;

/// Takes an answer over from the run that writes it. The claim belongs to `p_next_run`: the same again gets the
/// same reply.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct TakeOverGeneration {
    pub p_chat_id: Uuid,
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_next_run: Uuid,
    pub p_reserve: Reserve,
}

impl Function for TakeOverGeneration {
    const NAME: &'static str = "take_over_generation";
    const IS_REPEATABLE: bool = true;
    type Reply = BeginReply;
}
