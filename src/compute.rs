//! Computing that would keep an async thread from everybody else's requests.

use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;

/// Half of the processor's cores, at least one, whoever computes.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((cores / 2).max(1)))
});

/// Runs `work` on a thread of its own kind, when it is its turn: a few compute at once, for all users together, and
/// those who wait take turns. So it should end within some milliseconds; what is long is cut into pieces.
///
/// A caller that goes away gives up its place; work that has started ends, and holds its turn until then. A panic inside
/// it is propagated.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    take_turn(TURNS.clone(), work).await
}

async fn take_turn<T: Send + 'static>(
    turns: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    // Never closed.
    let turn = turns.acquire_owned().await.ok();
    let work = move || {
        let _turn = turn;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process ends, and this with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use futures_util::FutureExt;
    use tokio::sync::Semaphore;

    use super::take_turn;

    #[tokio::test]
    async fn work_that_has_started_holds_its_turn_when_its_caller_is_gone() {
        let turns = Arc::new(Semaphore::new(1));
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let long = take_turn(turns.clone(), move || {
            started.send(()).unwrap();
            may_end.recv().unwrap();
        });
        // The caller waits on the thread of the test, which goes on.
        let long = tokio::spawn(long);
        has_started.await.unwrap();
        let gave_up = take_turn(turns.clone(), || unreachable!());
        assert!(gave_up.now_or_never().is_none());
        long.abort();
        assert!(long.await.unwrap_err().is_cancelled());
        assert_eq!(turns.available_permits(), 0);
        end.send(()).unwrap();
        assert_eq!(take_turn(turns, || 7).await, 7);
    }
}
