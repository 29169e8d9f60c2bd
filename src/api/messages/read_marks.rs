//! Remembers which ended answers their users have read. A client that lost its stream is shown the unread
//! ones again, so a mark that cannot be saved costs a repetition and nothing else.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::database::{self, MarkAnswerRead};
use crate::http::auth::CurrentUser;
use crate::supabase::{Caller, Supabase};

/// Marks answers as read. Clones share the marks that are on their way.
#[derive(Clone)]
pub struct ReadMarks {
    supabase: Supabase,
    unsaved: Arc<Mutex<HashSet<Uuid>>>,
}

impl ReadMarks {
    /// Marks that are saved there.
    pub fn new(supabase: Supabase) -> Self {
        Self { supabase, unsaved: Arc::default() }
    }

    /// Marks an ended answer of the user's, beside whatever else goes on.
    pub fn mark(&self, user: &CurrentUser, message_id: Uuid) {
        if !self.lock().insert(message_id) {
            return;
        }
        let (this, token) = (self.clone(), user.token.clone());
        tokio::spawn(async move {
            let mark = MarkAnswerRead { p_message_id: message_id };
            let rest = this.supabase.rest(Caller::User(&token));
            if let Err(error) = database::call(rest, &mark).await {
                tracing::info!("a read answer is not marked, and may be shown again: {error}");
            }
            this.lock().remove(&message_id);
        });
    }

    /// Whether a mark is on its way: a page asks for the messages and for the stream at nearly the same
    /// time.
    pub fn is_being_marked(&self, message_id: Uuid) -> bool {
        self.lock().contains(&message_id)
    }

    /// All marks that are on their way.
    pub fn being_marked(&self) -> HashSet<Uuid> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
