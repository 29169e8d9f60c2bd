use std::sync::mpsc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use rusqlite::{Connection, Error, ErrorCode, Result, Transaction};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Database;
use super::caller::Caller;
use super::limits::check;
use crate::role::Role;

const ALICE: Role = Role::Authenticated { user_id: Uuid::from_u128(1) };
const BOB: Role = Role::Authenticated { user_id: Uuid::from_u128(2) };

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open() -> (Database, Folder) {
    let folder = std::env::temp_dir().join(format!("chat-backend-db-{}", Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("test.db");
    let (database, ()) = Database::open(&path, |_| Ok(()), |_| Ok::<_, Error>(())).unwrap();
    let create = |t: &Transaction<'_>| t.execute_batch("create table t (a integer primary key)");
    database.write(Role::Service, create).await.unwrap();
    (database, Folder(folder))
}

fn count(connection: &Connection) -> Result<i64> {
    connection.query_row("select count(*) from t", [], |row| row.get(0))
}

fn insert(transaction: &Transaction<'_>, value: i64) -> Result<usize> {
    transaction.execute("insert into t values (?)", [value])
}

/// Runs until it is interrupted.
fn endless(connection: &Connection) -> Result<i64> {
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                   select count(*) from n";
    connection.query_row(endless, [], |row| row.get(0))
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().and_then(|error| error.sqlite_error_code())
}

/// A read that holds its connection until it is told to go on, once it has started.
async fn held(
    database: &Database,
    caller: Role,
) -> (mpsc::Sender<()>, BoxFuture<'static, Result<i64>>) {
    let (go_on, wait) = mpsc::channel();
    let (begin, started) = oneshot::channel();
    let database = database.clone();
    let read = tokio::spawn(async move {
        let work = move |connection: &Connection| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            count(connection)
        };
        database.read(caller, work).await
    });
    started.await.unwrap();
    (go_on, read.map(|joined| joined.unwrap()).boxed())
}

#[tokio::test]
async fn writes_that_share_a_commit_fail_alone() {
    let (database, _folder) = open().await;
    let writes = (0..100i64).map(|value| {
        // Every third one writes, then fails; every seventh repeats a key.
        let key = if value % 7 == 0 { 0 } else { value };
        database.write(ALICE, move |t| {
            insert(t, key)?;
            if value % 3 == 1 { Err(Error::InvalidQuery) } else { Ok(value) }
        })
    });
    let results = join_all(writes).await;
    let expected = (1..100i64).filter(|value| value % 7 != 0 && value % 3 != 1).count() + 1;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), expected);
    let written = database.read(ALICE, count).await.unwrap();
    assert_eq!(written, i64::try_from(expected).unwrap());
}

#[tokio::test]
async fn a_panic_takes_back_its_own_write_only() {
    let (database, _folder) = open().await;
    let panics = database.write(ALICE, |t| -> Result<()> {
        insert(t, 1)?;
        panic!("on purpose")
    });
    let (panicked, written) = tokio::join!(
        std::panic::AssertUnwindSafe(panics).catch_unwind(),
        database.write(ALICE, |t| insert(t, 2))
    );
    assert!(panicked.is_err());
    assert_eq!(written.unwrap(), 1);
    assert_eq!(database.read(ALICE, count).await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_written_for_a_caller_that_has_gone_away() {
    let (database, _folder) = open().await;
    let busy = database.free_writer.clone().acquire_owned().await.unwrap();
    assert!(database.write(ALICE, |t| insert(t, 1)).now_or_never().is_none());
    drop(busy);
    database.write(ALICE, |t| insert(t, 2)).await.unwrap();
    assert_eq!(database.read(ALICE, count).await.unwrap(), 1);
}

/// As SQLite does where a statement that writes is interrupted.
#[tokio::test]
async fn what_others_have_written_outlives_an_interruption() {
    let take_back = |t: &Transaction<'_>| t.execute_batch("rollback");
    for (exclusive, kept) in [(true, 1), (false, 0)] {
        let (database, _folder) = open().await;
        let busy = database.free_writer.clone().acquire_owned().await.unwrap();
        let mut written = database.write(ALICE, |t| insert(t, 1)).boxed();
        let mut lost = database.submit(BOB.into(), exclusive, take_back).boxed();
        assert!((&mut written).now_or_never().is_none() && (&mut lost).now_or_never().is_none());
        drop(busy);
        let (written, _) = tokio::join!(written, lost);
        assert_eq!(written.is_ok(), exclusive);
        assert_eq!(database.read(ALICE, count).await.unwrap(), kept);
    }
}

#[tokio::test]
async fn one_caller_cannot_have_every_reader() {
    let (database, _folder) = open().await;
    let (first, first_read) = held(&database, ALICE).await;
    let (second, second_read) = held(&database, ALICE).await;
    let mut third = database.read(ALICE, count).boxed();
    assert!((&mut third).now_or_never().is_none());
    // Two more are left to others, and one to those who sign in.
    let others = [held(&database, BOB).await, held(&database, Role::Anon).await];
    let mut service = database.read(Role::Service, count).boxed();
    assert!((&mut service).now_or_never().is_none());
    database.read(Caller::Auth, count).await.unwrap();
    first.send(()).unwrap();
    assert_eq!(tokio::join!(first_read, third, service), (Ok(0), Ok(0), Ok(0)));
    second.send(()).unwrap();
    second_read.await.unwrap();
    for (go_on, read) in others {
        go_on.send(()).unwrap();
        read.await.unwrap();
    }
}

#[tokio::test]
async fn writes_of_callers_take_turns() {
    let (database, _folder) = open().await;
    let busy = database.free_writer.clone().acquire_owned().await.unwrap();
    let write = |caller: Role, value| database.write(caller, move |t| insert(t, value)).boxed();
    let mut writes: Vec<_> = (0..100).map(|value| write(ALICE, value)).collect();
    // Which of them is written first decides which of them fails.
    writes.push(write(BOB, 50));
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    drop(busy);
    let results = join_all(writes).await;
    assert!(results[100].is_ok() && results[50].is_err());
}

/// Turns alone would leave the last one waiting for everybody's.
#[tokio::test]
async fn who_has_taken_little_time_is_served_before_who_has_taken_much() {
    let (database, _folder) = open().await;
    let busy = database.free_writer.clone().acquire_owned().await.unwrap();
    for recent_use in [&database.writes.recent_use, &database.readers.queue.recent_use] {
        recent_use.add(ALICE.into(), std::time::Duration::from_secs(5));
    }
    let mut heavy = database.write(ALICE, |t| insert(t, 1)).boxed();
    let mut light = database.write(BOB, |t| insert(t, 1)).boxed();
    assert!((&mut heavy).now_or_never().is_none() && (&mut light).now_or_never().is_none());
    drop(busy);
    let (heavy, light) = tokio::join!(heavy, light);
    assert!(light.is_ok() && heavy.is_err(), "the first to be written takes the key");

    database.readers.queue.recent_use.add(Role::Anon.into(), std::time::Duration::from_secs(5));
    let reads = [
        held(&database, ALICE).await,
        held(&database, ALICE).await,
        held(&database, Role::Anon).await,
    ];
    let mut fourth = database.read(Role::Anon, count).boxed();
    assert!((&mut fourth).now_or_never().is_none(), "one reader is left to others");
    assert_eq!(database.read(BOB, count).await, Ok(1));
    for (go_on, read) in reads {
        go_on.send(()).unwrap();
        read.await.unwrap();
    }
    assert_eq!(fourth.await, Ok(1));
}

#[tokio::test]
async fn who_asks_for_too_much_is_refused() {
    let (database, _folder) = open().await;
    let _busy = database.free_writer.clone().acquire_owned().await.unwrap();
    let mut waiting: Vec<_> =
        (0..200).map(|value| database.write(ALICE, move |t| insert(t, value)).boxed()).collect();
    assert!(waiting.iter_mut().all(|write| write.now_or_never().is_none()));
    let refused = database.write(ALICE, |t| insert(t, 200)).now_or_never().unwrap();
    assert_eq!(code(refused), Some(ErrorCode::DatabaseBusy));
    assert!(database.write(BOB, |t| insert(t, 201)).now_or_never().is_none());
    waiting.pop();
    assert!(database.write(ALICE, |t| insert(t, 202)).now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (database, _folder) = open().await;
    let _busy = database.free_writer.clone().acquire_owned().await.unwrap();
    let refused = database.write(ALICE, |t| insert(t, 1)).await;
    assert_eq!(code(refused), Some(ErrorCode::DatabaseBusy));
}

/// In a statement, and in a loop of ours.
#[tokio::test]
async fn work_ends_when_its_caller_goes() {
    let (database, _folder) = open().await;
    let looping = |_: &Connection| loop {
        check()?;
    };
    for work in [endless as fn(&Connection) -> Result<i64>, looping] {
        let (begin, started) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let read = database.read(ALICE, move |connection| {
            begin.send(()).unwrap();
            let done = work(connection);
            end.send(code(done)).unwrap();
            Ok::<_, Error>(())
        });
        tokio::select! {
            _ = read => panic!("it has no end"),
            started = started => started.unwrap(),
        }
        assert_eq!(ended.await.unwrap(), Some(ErrorCode::OperationInterrupted));
    }
}

#[tokio::test]
async fn everything_ends_with_the_server() {
    let (database, _folder) = open().await;
    let (begin_read, read_started) = oneshot::channel();
    let (begin_write, write_started) = oneshot::channel();
    let read = database.read(ALICE, move |connection| {
        begin_read.send(()).unwrap();
        endless(connection)
    });
    let write = database.write(ALICE, move |transaction| {
        begin_write.send(()).unwrap();
        endless(transaction)
    });
    let stop = async {
        read_started.await.unwrap();
        write_started.await.unwrap();
        database.interrupt_all();
    };
    let (read, write, ()) = tokio::join!(read, write, stop);
    assert_eq!(code(read), Some(ErrorCode::OperationInterrupted));
    assert_eq!(code(write), Some(ErrorCode::OperationInterrupted));
    let later = database.read(ALICE, count).await;
    assert_eq!(code(later), Some(ErrorCode::OperationInterrupted));
}

#[tokio::test(start_paused = true)]
async fn the_database_is_healthy_during_a_long_write() {
    let (database, _folder) = open().await;
    let _busy = database.free_writer.clone().acquire_owned().await.unwrap();
    assert!(!database.is_healthy().await, "nothing is being written");
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let (begin, started) = oneshot::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let shared = database.shared.clone();
    let writing = std::thread::spawn(move || {
        shared.writing(|| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
        });
    });
    started.await.unwrap();
    assert!(database.is_healthy().await);
    go_on.send(()).unwrap();
    writing.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_probe_reads_and_writes() {
    let (database, folder) = open().await;
    let found_after = async |seconds| {
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        database.is_healthy().await
    };
    assert!(found_after(2).await);
    let busy = database.free_writer.clone().acquire_owned().await.unwrap();
    assert!(found_after(0).await, "what was found a moment ago still holds");
    assert!(!found_after(2).await);
    drop(busy);
    assert!(found_after(2).await);
    std::fs::create_dir(folder.0.join("test.probe")).unwrap();
    assert!(!found_after(2).await, "a file cannot be written");
}
