//! Subscribers are called with each change by the task that makes it: nobody has to be woken for it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// How many there may be. Each one takes time of the task that they share; more listeners wait for the change as
/// any reader does.
const MAX_SUBSCRIBERS: usize = 16;

/// How much of the room to write to is kept between two changes, in bytes. A long answer takes more at its start.
const KEPT_SCRATCH: usize = 1 << 10;

/// Follows something that changes.
pub trait Subscriber<T>: Send + Sync {
    /// Called with each change. `scratch` is room to write to, of which nothing is kept.
    fn changed(&self, value: &T, scratch: &mut Vec<u8>);

    /// It is called no more.
    fn released(&self);
}

/// Subscribers of one value. Clones share them.
pub struct Subscribers<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    is_closed: bool,
    subscribers: Vec<Weak<dyn Subscriber<T>>>,
    /// How many are being called.
    called: usize,
    scratch: Vec<u8>,
}

/// A round of calls. Whatever ends it, the subscribers are kept.
struct Round<'a, T> {
    of: &'a Subscribers<T>,
    subscribers: Vec<Weak<dyn Subscriber<T>>>,
    scratch: Vec<u8>,
}

impl<T> Subscribers<T> {
    /// Adds one, for as long as it is kept elsewhere; false if there are enough, or no change will be published.
    pub fn add(&self, subscriber: Weak<dyn Subscriber<T>>) -> bool {
        let mut state = self.state();
        state.subscribers.retain(|other| other.strong_count() > 0);
        let has_room = !state.is_closed && state.subscribers.len() + state.called < MAX_SUBSCRIBERS;
        if has_room {
            state.subscribers.push(subscriber);
        }
        has_room
    }

    /// Calls all of them.
    pub fn publish(&self, value: &T) {
        self.publish_to_all(value, || 0);
    }

    /// Calls all of them. Whether those are all listeners there are: `count` counts these, and each one that is a
    /// subscriber is counted for as long as it is one.
    pub fn publish_to_all(&self, value: &T, count: impl FnOnce() -> usize) -> bool {
        let mut state = self.state();
        // While nobody can be added.
        let listeners = count();
        if state.subscribers.is_empty() {
            return listeners == 0;
        }
        // Not under the lock: one that is added holds locks of its own.
        let (subscribers, scratch) =
            (std::mem::take(&mut state.subscribers), std::mem::take(&mut state.scratch));
        state.called = subscribers.len();
        drop(state);
        let mut round = Round { of: self, subscribers, scratch };
        let Round { subscribers, scratch, .. } = &mut round;
        subscribers.retain(|subscriber| {
            let subscriber = subscriber.upgrade();
            subscriber.is_some_and(|subscriber| {
                subscriber.changed(value, scratch);
                true
            })
        });
        subscribers.len() >= listeners
    }

    /// Nothing is published any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let released = std::mem::take(&mut state.subscribers);
        drop(state);
        for subscriber in released.iter().filter_map(Weak::upgrade) {
            subscriber.released();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Round<'_, T> {
    fn drop(&mut self) {
        let mut state = self.of.state();
        state.called = 0;
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_SCRATCH);
        state.scratch = std::mem::take(&mut self.scratch);
        self.subscribers.append(&mut state.subscribers);
        state.subscribers = std::mem::take(&mut self.subscribers);
    }
}

impl<T> Default for Subscribers<T> {
    fn default() -> Self {
        let state =
            State { is_closed: false, subscribers: Vec::new(), called: 0, scratch: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl<T> Clone for Subscribers<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Subscribers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscribers({})", self.state().subscribers.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Adds another one while it is called.
    struct Adding {
        to: Subscribers<()>,
        other: Arc<Silent>,
        added: AtomicUsize,
    }

    struct Silent;

    impl Subscriber<()> for Silent {
        fn changed(&self, (): &(), _: &mut Vec<u8>) {}
        fn released(&self) {}
    }

    impl Subscriber<()> for Adding {
        fn changed(&self, (): &(), _: &mut Vec<u8>) {
            let other: Weak<Silent> = Arc::downgrade(&self.other);
            while self.to.add(other.clone()) {
                self.added.fetch_add(1, Ordering::Relaxed);
            }
        }
        fn released(&self) {}
    }

    #[test]
    fn who_comes_while_others_are_called_counts_as_well() {
        let subscribers = Subscribers::<()>::default();
        let adding =
            Arc::new(Adding { to: subscribers.clone(), other: Arc::new(Silent), added: 0.into() });
        let first: Weak<Adding> = Arc::downgrade(&adding);
        assert!(subscribers.add(first));
        subscribers.publish(&());
        subscribers.publish(&());
        assert_eq!(adding.added.load(Ordering::Relaxed), MAX_SUBSCRIBERS - 1);
    }
}
