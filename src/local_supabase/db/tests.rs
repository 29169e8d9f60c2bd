use futures_util::FutureExt;
use futures_util::future::join_all;
use rusqlite::Transaction;

use super::Database;

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open() -> (Database, Folder) {
    let folder = std::env::temp_dir().join(format!("chat-backend-db-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let database = Database::open(&folder.join("test.db"), |_| Ok(())).unwrap();
    (database, Folder(folder))
}

async fn count(database: &Database) -> i64 {
    let count =
        |c: &rusqlite::Connection| c.query_row("select count(*) from t", [], |row| row.get(0));
    database.read(count).await.unwrap()
}

fn insert(transaction: &Transaction<'_>, value: i64) -> rusqlite::Result<usize> {
    transaction.execute("insert into t values (?)", [value])
}

#[tokio::test]
async fn writes_that_share_a_commit_fail_alone() {
    let (database, _folder) = open();
    let create = |t: &Transaction<'_>| t.execute_batch("create table t (a integer primary key)");
    database.write(create).await.unwrap();
    let writes = (0..100i64).map(|value| {
        // Every third one writes, then fails; every seventh repeats a key.
        let key = if value % 7 == 0 { 0 } else { value };
        database.write(move |t| {
            insert(t, key)?;
            if value % 3 == 1 { Err(rusqlite::Error::InvalidQuery) } else { Ok(value) }
        })
    });
    let results = join_all(writes).await;
    let expected = (1..100i64).filter(|value| value % 7 != 0 && value % 3 != 1).count() + 1;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), expected);
    assert_eq!(count(&database).await, i64::try_from(expected).unwrap());
}

#[tokio::test]
async fn a_panic_takes_back_its_own_write_only() {
    let (database, _folder) = open();
    let create = |t: &Transaction<'_>| t.execute_batch("create table t (a integer primary key)");
    database.write(create).await.unwrap();
    let panics = database.write(|t| -> rusqlite::Result<()> {
        insert(t, 1)?;
        panic!("on purpose")
    });
    let (panicked, written) = tokio::join!(
        std::panic::AssertUnwindSafe(panics).catch_unwind(),
        database.write(|t| insert(t, 2))
    );
    assert!(panicked.is_err());
    assert_eq!(written.unwrap(), 1);
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn nothing_is_written_for_a_caller_that_has_gone_away() {
    let (database, _folder) = open();
    let create = |t: &Transaction<'_>| t.execute_batch("create table t (a integer primary key)");
    database.write(create).await.unwrap();
    let busy = database.free_writer.clone().acquire_owned().await.unwrap();
    assert!(database.write(|t| insert(t, 1)).now_or_never().is_none());
    drop(busy);
    database.write(|t| insert(t, 2)).await.unwrap();
    assert_eq!(count(&database).await, 1);
}
