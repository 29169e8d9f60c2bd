//! A throw-away PostgreSQL from the machine's own binaries, one for all tests of this process.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tokio_postgres::{Client, Config, Error, NoTls};
use uuid::Uuid;

/// Set where these tests must run; elsewhere they are skipped on a machine without PostgreSQL.
const REQUIRED: &str = "CHAT_BACKEND_REQUIRE_POSTGRES";

/// The folder of the socket of a server that runs already, to be used in place of one of our own.
const GIVEN: &str = "TEST_POSTGRES";

/// Who owns the files when the tests run as root.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Waits until the test process is gone, however it ended: then its end of the pipe is closed.
const WATCHED: &str = r#"
    bin=$1 folder=$2; shift 2
    {
        "$bin/initdb" --username=supabase_admin --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
            --no-sync --pgdata "$folder/data" && exec "$bin/postgres" -D "$folder/data" "$@"
    } >"$folder/log" 2>&1 &
    trap : QUIT
    cat
    kill -QUIT 0
    wait
    rm -rf "$folder"
"#;

/// What all tests need at once, with their logs, several times over.
const ENOUGH_BYTES: u64 = 1 << 30;

/// Fast rather than safe, small, and reached by its socket only.
const SETTINGS: [&str; 11] = [
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "jit=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "max_wal_size=128MB",
    "timezone=UTC",
    // What reading costs on the SSDs that databases are on.
    "random_page_cost=1.1",
];

/// A running server.
pub struct Server {
    folder: PathBuf,
    /// Holds the open end of the pipe.
    _watch: Option<Child>,
}

/// The server, or none on a machine without PostgreSQL, which is then said on standard error.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Some(folder) = std::env::var_os(GIVEN) {
                return Some(Server { folder: folder.into(), _watch: None });
            }
            let binaries = find();
            if binaries.is_none() {
                let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
                assert!(!required, "{REQUIRED} is set, but there is no initdb on this machine");
                // Past the test harness, which keeps what passing tests print to itself.
                let _ = io::stderr().write_all(
                    b"SKIPPED: the tests on PostgreSQL, because there is no initdb in PATH or in \
                      /usr/lib/postgresql. Install PostgreSQL 15 or later to run them.\n",
                );
            }
            binaries.map(|binaries| Server::start(&binaries))
        })
        .as_ref()
}

/// The folder of `initdb`, which need not be in PATH where Debian installed it.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &fs::DirEntry| folder.file_name().to_str()?.parse::<u32>().ok();
    let mut installed: Vec<_> = installed
        .filter_map(|folder| Some((version(&folder)?, folder.path().join("bin"))))
        .collect();
    installed.sort_unstable_by(|a, b| b.cmp(a));
    std::env::split_paths(&path)
        .chain(installed.into_iter().map(|(_, folder)| folder))
        .find_map(|folder| Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned()))
}

/// Where the files go: into memory, where the system has that and room in it. Each database is a copy of
/// three hundred files, which takes a disk most of a second.
fn room() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory)
        .is_ok_and(|system| system.f_bavail * system.f_frsize >= ENOUGH_BYTES);
    if has_room { memory.to_owned() } else { std::env::temp_dir() }
}

impl Server {
    fn start(binaries: &Path) -> Self {
        // Short, because the path of a socket may have no more than about 100 characters.
        let folder = room().join(format!("chat-pg-{}", &Uuid::new_v4().simple().to_string()[..12]));
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let mut watch = as_ordinary_user(Command::new("sh"), &folder);
        watch.args(["-c", WATCHED, "sh"]).args([binaries, &folder]).arg("-k").arg(&folder);
        watch.args(SETTINGS.into_iter().flat_map(|setting| ["-c", setting]));
        // A group of its own: a Ctrl-C ends the tests, and their end ends the server.
        let watch = watch.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self { folder, _watch: Some(watch.unwrap()) }
    }

    /// Connects once the server answers.
    pub async fn connect(&self, user: &str, database: &str) -> Client {
        for _ in 0..600 {
            match self.try_connect(user, database).await {
                Ok(client) => return client,
                Err(error) if error.as_db_error().is_some_and(|e| !is_starting(e)) => {
                    panic!("{user} cannot connect to {database}: {error}")
                }
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
        panic!("PostgreSQL did not start: {}", self.log())
    }

    pub async fn try_connect(&self, user: &str, database: &str) -> Result<Client, Error> {
        let mut config = Config::new();
        config.host_path(&self.folder).port(5432).user(user).dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

fn is_starting(error: &tokio_postgres::error::DbError) -> bool {
    *error.code() == tokio_postgres::error::SqlState::CANNOT_CONNECT_NOW
}

/// PostgreSQL does not run as root.
fn as_ordinary_user(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_remove("PGDATA");
    if fs::metadata(folder).unwrap().uid() == 0 {
        let (uid, gid) = USERS.into_iter().find_map(ids).expect("a user other than root");
        chown(folder, Some(uid), Some(gid)).unwrap();
        command.uid(uid).gid(gid);
    }
    command
}

fn ids(user: &str) -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let fields = passwd.lines().find_map(|line| line.strip_prefix(&format!("{user}:")))?;
    let mut fields = fields.split(':').skip(1).map(str::parse);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}
