//! A fair queue: whose script runs next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

/// A fixed number of permits, handed out so that users take turns. Clones share them.
#[derive(Clone)]
pub(super) struct FairQueue(Arc<Mutex<Inner>>);

struct Inner {
    free: usize,
    /// Maximum number of permits for one user: if there are several permits, one is left to other
    /// users.
    per_user: usize,
    waiting: Vec<Waiting>,
    users: HashMap<Uuid, User>,
    turns: u64,
}

struct Waiting {
    user: Uuid,
    ready: oneshot::Sender<Permit>,
}

/// A user with a script that runs or waits.
#[derive(Default)]
struct User {
    running: usize,
    waiting: usize,
    /// When their last script started; 0 for a user whose first one waits.
    last_turn: u64,
}

/// The right to run a script. Dropping it returns it to the queue.
pub(super) struct Permit {
    queue: FairQueue,
    user: Uuid,
}

impl FairQueue {
    pub(super) fn new(permits: usize) -> Self {
        let per_user = permits.saturating_sub(1).max(1);
        let (waiting, users) = (Vec::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Inner { free: permits, per_user, waiting, users, turns: 0 })))
    }

    /// Waits for the user's turn.
    pub(super) async fn acquire(&self, user: Uuid) -> Permit {
        let (ready, permit) = oneshot::channel();
        self.lock().wait(Waiting { user, ready });
        // Users who stopped waiting are skipped.
        let waiter = Waiter { queue: self, user };
        self.hand_out();
        let permit = permit.await;
        drop(waiter);
        permit.expect("everybody who waits gets a permit")
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grants the free permits to the users whose turn it is.
    fn hand_out(&self) {
        loop {
            let Some(Waiting { user, ready }) = self.lock().next() else { return };
            // If the receiver is gone, dropping the permit returns it to the queue.
            drop(ready.send(Permit { queue: self.clone(), user }));
        }
    }
}

/// Counts a user as waiting until it is dropped.
struct Waiter<'a> {
    queue: &'a FairQueue,
    user: Uuid,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut inner = self.queue.lock();
        inner.change(self.user, |user| user.waiting -= 1);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut inner = self.queue.lock();
            inner.free += 1;
            inner.change(self.user, |user| user.running -= 1);
        }
        self.queue.hand_out();
    }
}

impl Inner {
    fn wait(&mut self, waiting: Waiting) {
        self.waiting.retain(|waiting| !waiting.ready.is_closed());
        self.users.entry(waiting.user).or_default().waiting += 1;
        self.waiting.push(waiting);
    }

    /// The next user: of those with the fewest scripts running, the one who has waited longest for a
    /// turn.
    fn next(&mut self) -> Option<Waiting> {
        if self.free == 0 {
            return None;
        }
        let rank = |waiting: &Waiting| {
            let user = self.users.get(&waiting.user);
            user.map_or((0, 0), |user| (user.running, user.last_turn))
        };
        let ranks = self.waiting.iter().map(rank).enumerate();
        let may_run = ranks.filter(|(_, (running, _))| *running < self.per_user);
        let (at, _) = may_run.min_by_key(|(_, rank)| *rank)?;
        let next = self.waiting.remove(at);
        self.free -= 1;
        self.turns += 1;
        let turn = self.turns;
        self.change(next.user, |user| (user.running, user.last_turn) = (user.running + 1, turn));
        Some(next)
    }

    /// Users with nothing to run are removed.
    fn change(&mut self, id: Uuid, change: impl FnOnce(&mut User)) {
        let user = self.users.entry(id).or_default();
        change(user);
        if user.running == 0 && user.waiting == 0 {
            self.users.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;

    const ALICE: Uuid = Uuid::from_u128(1);
    const BOB: Uuid = Uuid::from_u128(2);

    /// This many waiting scripts.
    fn waiting(queue: &FairQueue, user: Uuid, count: usize) -> Vec<BoxFuture<'static, Permit>> {
        let wait = || {
            let queue = queue.clone();
            async move { queue.acquire(user).await }.boxed()
        };
        (0..count).map(|_| wait()).collect()
    }

    /// The permits that those who wait have got by now.
    fn ready(waiting: &mut Vec<BoxFuture<'static, Permit>>) -> Vec<Permit> {
        let mut ready = Vec::new();
        waiting.retain_mut(|permit| match permit.now_or_never() {
            Some(permit) => {
                ready.push(permit);
                false
            }
            None => true,
        });
        ready
    }

    #[test]
    fn one_user_leaves_a_permit_to_the_others() {
        let queue = FairQueue::new(3);
        let mut alices = waiting(&queue, ALICE, 16);
        let running = ready(&mut alices);
        assert_eq!(running.len(), 2);
        assert!(queue.acquire(BOB).now_or_never().is_some(), "Bob need not wait");
        drop(running);
        assert_eq!(ready(&mut alices).len(), 2);
    }

    #[test]
    fn users_take_turns() {
        let queue = FairQueue::new(1);
        let mut alices = waiting(&queue, ALICE, 3);
        let alice = ready(&mut alices);
        let mut bobs = waiting(&queue, BOB, 2);
        assert!(ready(&mut bobs).is_empty());
        drop(alice);
        let bob = ready(&mut bobs);
        assert_eq!((bob.len(), ready(&mut alices).len()), (1, 0), "Bob is before Alice's second");
        drop(bob);
        assert_eq!((ready(&mut bobs).len(), ready(&mut alices).len()), (0, 1));
    }

    #[test]
    fn who_goes_away_is_passed_over_and_forgotten() {
        let queue = FairQueue::new(1);
        let alice = ready(&mut waiting(&queue, ALICE, 1));
        let mut gone = waiting(&queue, BOB, 2);
        assert!(ready(&mut gone).is_empty());
        drop(gone.pop());
        drop(alice);
        // His turn has come, but he never learns of it.
        drop(gone);
        assert!(queue.acquire(ALICE).now_or_never().is_some());
        let inner = queue.lock();
        assert!(inner.users.is_empty() && inner.waiting.is_empty() && inner.free == 1);
    }
}
