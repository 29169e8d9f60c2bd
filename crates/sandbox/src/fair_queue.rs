//! A fair queue: whose script runs next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

/// Whom a script is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The user.
    pub user: Uuid,
    /// Whether anybody can have more accounts like this one at will: all guests together take turns
    /// with the users as one.
    pub is_guest: bool,
}

impl From<Uuid> for Client {
    /// A user with an account.
    fn from(user: Uuid) -> Self {
        Self { user, is_guest: false }
    }
}

/// A fixed number of permits, handed out so that users take turns. Clones share them.
#[derive(Clone)]
pub(super) struct FairQueue(Arc<Mutex<Inner>>);

struct Inner {
    free: usize,
    /// Maximum number of permits for one user, and for all guests: if there are several permits, one is
    /// left to others.
    per_party: usize,
    waiting: Vec<Waiting>,
    parties: HashMap<Party, Turns>,
    turns: u64,
}

struct Waiting {
    client: Client,
    ready: oneshot::Sender<Permit>,
}

/// Who takes turns: users and the guests, and among the guests each of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Party {
    User(Uuid),
    Guests,
}

impl Client {
    /// The one that takes turns with all others, then the one that does among its own.
    fn parties(self) -> [Party; 2] {
        let user = Party::User(self.user);
        [if self.is_guest { Party::Guests } else { user }, user]
    }
}

/// The scripts of a party, if it has any that run or wait.
#[derive(Default)]
struct Turns {
    running: usize,
    waiting: usize,
    /// When the last one started; 0 if the first one waits.
    last_turn: u64,
}

/// The right to run a script. Dropping it returns it to the queue.
pub(super) struct Permit {
    queue: FairQueue,
    client: Client,
}

impl FairQueue {
    pub(super) fn new(permits: usize) -> Self {
        let per_party = permits.saturating_sub(1).max(1);
        let (waiting, parties) = (Vec::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Inner { free: permits, per_party, waiting, parties, turns: 0 })))
    }

    /// Waits for the client's turn.
    pub(super) async fn acquire(&self, client: Client) -> Permit {
        let (ready, permit) = oneshot::channel();
        self.lock().wait(Waiting { client, ready });
        // Clients who stopped waiting are skipped.
        let waiter = Waiter { queue: self, client };
        self.hand_out();
        let permit = permit.await;
        drop(waiter);
        permit.expect("everybody who waits gets a permit")
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grants the free permits to the clients whose turn it is.
    fn hand_out(&self) {
        loop {
            let Some(Waiting { client, ready }) = self.lock().next() else { return };
            // If the receiver is gone, dropping the permit returns it to the queue.
            drop(ready.send(Permit { queue: self.clone(), client }));
        }
    }
}

/// Counts a client as waiting until it is dropped.
struct Waiter<'a> {
    queue: &'a FairQueue,
    client: Client,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.queue.lock().change(self.client, |turns| turns.waiting -= 1);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut inner = self.queue.lock();
            inner.free += 1;
            inner.change(self.client, |turns| turns.running -= 1);
        }
        self.queue.hand_out();
    }
}

impl Inner {
    fn wait(&mut self, waiting: Waiting) {
        self.waiting.retain(|waiting| !waiting.ready.is_closed());
        self.change(waiting.client, |turns| turns.waiting += 1);
        self.waiting.push(waiting);
    }

    /// The next client: of those with the fewest scripts running, the one who has waited longest for a
    /// turn.
    fn next(&mut self) -> Option<Waiting> {
        if self.free == 0 {
            return None;
        }
        let rank = |waiting: &Waiting| {
            waiting.client.parties().map(|party| {
                self.parties.get(&party).map_or((0, 0), |turns| (turns.running, turns.last_turn))
            })
        };
        let ranks = self.waiting.iter().map(rank).enumerate();
        let may_run = ranks.filter(|(_, [(running, _), _])| *running < self.per_party);
        let (at, _) = may_run.min_by_key(|(_, rank)| *rank)?;
        let next = self.waiting.remove(at);
        self.free -= 1;
        self.turns += 1;
        let turn = self.turns;
        self.change(next.client, |turns| {
            (turns.running, turns.last_turn) = (turns.running + 1, turn);
        });
        Some(next)
    }

    /// Parties with nothing to run are removed.
    fn change(&mut self, client: Client, change: impl Fn(&mut Turns)) {
        let [party, user] = client.parties();
        for party in [Some(party), (party != user).then_some(user)].into_iter().flatten() {
            let turns = self.parties.entry(party).or_default();
            change(turns);
            if turns.running == 0 && turns.waiting == 0 {
                self.parties.remove(&party);
            }
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
        (0..count).map(|_| wait(queue, user.into())).collect()
    }

    fn wait(queue: &FairQueue, client: Client) -> BoxFuture<'static, Permit> {
        let queue = queue.clone();
        async move { queue.acquire(client).await }.boxed()
    }

    /// A waiting script of each of this many guests.
    fn guests(queue: &FairQueue, count: u128) -> Vec<BoxFuture<'static, Permit>> {
        let guest = |number| Client { user: Uuid::from_u128(100 + number), is_guest: true };
        (0..count).map(|number| wait(queue, guest(number))).collect()
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
        assert!(queue.acquire(BOB.into()).now_or_never().is_some(), "Bob need not wait");
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
        assert!(queue.acquire(ALICE.into()).now_or_never().is_some());
        let inner = queue.lock();
        assert!(inner.parties.is_empty() && inner.waiting.is_empty() && inner.free == 1);
    }

    #[test]
    fn all_guests_are_one_user_to_the_others() {
        let queue = FairQueue::new(3);
        let mut many = guests(&queue, 40);
        let running = ready(&mut many);
        assert_eq!(running.len(), 2);
        let bob = queue.acquire(BOB.into()).now_or_never();
        assert!(bob.is_some(), "he need not wait for forty");
        drop((running, bob));
        // The newest comes before whose turn has been.
        let mut more = guests(&queue, 1);
        assert_eq!((ready(&mut many).len(), ready(&mut more).len()), (2, 0));
    }

    #[test]
    fn guests_take_turns() {
        let queue = FairQueue::new(1);
        let mut one = [guests(&queue, 1), guests(&queue, 1)].into_iter().flatten().collect();
        let first = ready(&mut one);
        let mut other = guests(&queue, 2);
        drop(other.remove(0));
        let mut alices = waiting(&queue, ALICE, 1);
        assert!(ready(&mut other).is_empty() && ready(&mut alices).is_empty());
        drop(first);
        let alice = ready(&mut alices);
        assert_eq!((alice.len(), ready(&mut other).len()), (1, 0), "the guests have had a turn");
        drop(alice);
        assert_eq!((ready(&mut other).len(), ready(&mut one).len()), (1, 0));
    }
}
