//! Ids of AG-UI. A stored message may be several of the protocol's, one for each text, so that their order
//! with tool calls is kept.

use uuid::Uuid;

/// The message that a run's answer is: known from the run's id, so that the same run is never answered twice.
pub(super) fn answer_id(user_id: Uuid, run_id: &str) -> Uuid {
    Uuid::new_v5(&user_id, format!("run:{run_id}").as_bytes())
}

/// The protocol's message that begins with a part; the first one has the stored id.
pub(super) fn message_id(id: Uuid, part: usize, is_first: bool) -> String {
    if is_first { id.to_string() } else { format!("{id}:{part}") }
}

/// The protocol's message for the reasoning of a part.
pub(super) fn reasoning_id(id: Uuid, part: usize) -> String {
    format!("{id}:r{part}")
}

/// The protocol's message for a tool's result.
pub(super) fn result_id(call: &str) -> String {
    format!("{call}:result")
}

/// The id of the stored message that one of the protocol's is a piece of.
pub(super) fn stored(id: &str) -> &str {
    match id.split_once(':') {
        Some((stored, _)) if stored.parse::<Uuid>().is_ok() => stored,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_message_lead_back_to_it() {
        let id = Uuid::from_u128(7);
        for piece in [message_id(id, 0, true), message_id(id, 3, false), reasoning_id(id, 1)] {
            assert_eq!(stored(&piece), id.to_string());
        }
        assert_eq!(stored("call_1:result"), "call_1:result");
    }
}
