//! Deduplicates concurrent work: callers that want the same result at the same time share one future.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

type Running<K, T> = Mutex<HashMap<K, watch::Receiver<Option<T>>>>;

/// The work in flight by its keys. Clones share it.
pub struct SingleFlight<K, T> {
    running: Arc<Running<K, T>>,
}

impl<K, T> Clone for SingleFlight<K, T> {
    fn clone(&self) -> Self {
        Self { running: self.running.clone() }
    }
}

/// What a caller does if no work is in flight.
pub enum Next<T, F> {
    /// Nothing: the result is already known.
    Known(T),
    /// Starts this work.
    Start(F),
}

/// Without work in flight.
impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self { running: Arc::default() }
    }
}

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Whether work for this key is in flight.
    pub fn is_running(&self, key: &K) -> bool {
        lock(&self.running).contains_key(key)
    }

    /// Waits for the work in flight; if there is none, `next` says what to do. The work continues when
    /// its callers are dropped. Returns `None` if it panicked.
    pub async fn run<F>(&self, key: K, next: impl FnOnce() -> Next<T, F>) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut result = {
            let mut running = lock(&self.running);
            match running.get(&key) {
                Some(result) => result.clone(),
                None => match next() {
                    Next::Known(result) => return Some(result),
                    Next::Start(work) => {
                        let (sender, result) = watch::channel(None);
                        running.insert(key.clone(), result.clone());
                        let done = Done { running: self.running.clone(), key };
                        tokio::spawn(async move {
                            let _done = done;
                            sender.send_replace(Some(work.await));
                        });
                        result
                    }
                },
            }
        };
        result.wait_for(Option::is_some).await.ok().and_then(|result| result.clone())
    }
}

/// Removes the work when it ends, even by a panic.
struct Done<K: Eq + Hash, T> {
    running: Arc<Running<K, T>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Done<K, T> {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn all_who_wait_share_one_failure() {
        let flight = SingleFlight::default();
        let (gate, started) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let one = |key| {
            let (gate, started) = (gate.clone(), started.clone());
            let work = async move {
                started.fetch_add(1, Ordering::SeqCst);
                let _ = gate.acquire().await;
                Err::<(), _>("failed")
            };
            flight.run(key, || Next::Start(work))
        };
        let opened = async {
            tokio::task::yield_now().await;
            gate.close();
        };
        let (results, other, ()) = tokio::join!(join_all((0..100).map(|_| one(1))), one(2), opened);
        assert!(results.iter().all(|result| *result == Some(Err("failed"))));
        assert_eq!((other, started.load(Ordering::SeqCst)), (Some(Err("failed")), 2));
        assert!(!flight.is_running(&1));
    }

    #[tokio::test]
    async fn work_that_crashes_is_over() {
        let flight = SingleFlight::<(), u8>::default();
        let crash = async { std::panic::resume_unwind(Box::new("crash")) };
        assert_eq!(flight.run((), || Next::Start(crash)).await, None);
        let known = || Next::<u8, std::future::Ready<u8>>::Known(1);
        assert_eq!(flight.run((), known).await, Some(1));
    }
}
