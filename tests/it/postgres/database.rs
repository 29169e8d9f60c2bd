//! A Supabase database of its own for each test, with the migrations applied.

use std::fs;
use std::mem;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::server::{Server, server};
use super::session::Session;

const TEMPLATE: &str = "template_supabase";

/// A database with the migrations applied, or none on a machine without PostgreSQL.
///
/// `let Some(db) = database().await else { return };`
pub async fn database() -> Option<Database> {
    let server = server()?;
    let name = copy(server, template(server).await).await;
    Some(Database::open(server, name).await)
}

/// A project as it is before the first migration.
pub async fn bare_database() -> Option<Database> {
    let server = server()?;
    // The migrated one comes first: it makes the roles, which all databases share.
    template(server).await;
    let name = copy(server, "template0").await;
    let db = Database::open(server, name).await;
    prepare(&db.admin).await;
    Some(db)
}

/// What migrations run as.
const OWNER: &str = "postgres";

/// The files of `supabase/migrations`, in order: name and SQL.
pub fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase/migrations");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

pub struct Database {
    server: &'static Server,
    name: String,
    /// The superuser's connection.
    pub admin: Client,
}

impl Database {
    async fn open(server: &'static Server, name: String) -> Self {
        let admin = server.connect("supabase_admin", &name).await;
        Self { server, name, admin }
    }

    /// A new user of Supabase Auth, with a connection of their own.
    pub async fn user(&self, name: &str) -> Session {
        let id = Uuid::new_v4().to_string();
        self.add_user(&id, name).await;
        self.as_user(&id).await
    }

    /// A row of a user's in Supabase Auth.
    pub async fn add_user(&self, id: &str, name: &str) {
        let sql =
            format!("insert into auth.users (id, email) values ('{id}', '{name}@example.com')");
        self.admin.batch_execute(&sql).await.unwrap();
    }

    /// A connection that acts with this user's access token, as PostgREST's connections do.
    pub async fn as_user(&self, id: &str) -> Session {
        let claims = json!({ "sub": id, "role": "authenticated", "is_anonymous": false });
        self.session("authenticated", id, claims).await
    }

    /// A connection that acts without a token.
    pub async fn as_anon(&self) -> Session {
        self.session("anon", "", json!({ "role": "anon" })).await
    }

    /// A connection that acts with the service key.
    pub async fn as_service(&self) -> Session {
        self.session("service_role", "", json!({ "role": "service_role" })).await
    }

    /// A connection, `idle` if there is one, that acts with an access token that says this.
    pub async fn as_token(&self, claims: &Value, idle: Option<Session>) -> Result<Session, Error> {
        let role = match claims["role"].as_str() {
            Some("authenticated") => "authenticated",
            Some("service_role") => "service_role",
            _ => "anon",
        };
        let id = claims["sub"].as_str().unwrap_or_default();
        match idle {
            Some(session) => Ok(session.acting_as(role, id, claims.clone())),
            None => self.try_session(role, id, claims.clone()).await,
        }
    }

    async fn session(&self, role: &'static str, id: &str, claims: Value) -> Session {
        self.try_session(role, id, claims).await.unwrap()
    }

    async fn try_session(
        &self,
        role: &'static str,
        id: &str,
        claims: Value,
    ) -> Result<Session, Error> {
        let client = self.server.try_connect("authenticator", &self.name).await?;
        Session::new(client, role, id, claims).await
    }

    /// Another connection of the superuser's, for a server that may be restarted meanwhile.
    pub async fn try_as_admin(&self) -> Result<Client, Error> {
        self.server.try_connect("supabase_admin", &self.name).await
    }

    /// The owner of the schema, whom row-level security does not hold.
    pub async fn as_owner(&self) -> Client {
        self.server.connect(OWNER, &self.name).await
    }

    /// The first column of what the superuser reads.
    pub async fn strings(&self, sql: &str) -> Vec<String> {
        let rows =
            self.admin.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until this session's statement waits for another transaction.
    pub async fn until_blocked(&self, session: &Session) {
        let waiting = "select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'";
        for _ in 0..6000 {
            if self.admin.query_opt(waiting, &[&session.pid]).await.unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the other connection did not have to wait");
    }

    /// Applies all migrations as their owner.
    pub async fn migrate(&self) -> Result<(), String> {
        let owner = self.as_owner().await;
        for (name, sql) in migrations() {
            let applied = owner.batch_execute(&sql).await;
            applied.map_err(|error| format!("{name}: {}", super::session::explain(&error)))?;
        }
        Ok(())
    }
}

/// The name of the migrated database, which nobody is connected to.
async fn template(server: &'static Server) -> &'static str {
    static MIGRATED: OnceCell<Result<(), String>> = OnceCell::const_new();
    let migrate = || async {
        let admin = server.connect("supabase_admin", "template1").await;
        admin.batch_execute(include_str!("roles.sql")).await.unwrap();
        admin.batch_execute(&format!("create database {TEMPLATE}")).await.unwrap();
        let db = Database::open(server, TEMPLATE.to_owned()).await;
        prepare(&db.admin).await;
        db.migrate().await
    };
    MIGRATED.get_or_init(migrate).await.clone().unwrap();
    TEMPLATE
}

async fn prepare(admin: &Client) {
    admin.batch_execute(include_str!("supabase.sql")).await.unwrap();
}

/// The databases of tests that are over, which nobody has dropped yet.
static UNUSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Drop for Database {
    fn drop(&mut self) {
        if self.name != TEMPLATE {
            let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
            unused.push(mem::take(&mut self.name));
        }
    }
}

/// A copy of a database, under a name of its own.
async fn copy(server: &Server, template: &str) -> String {
    let admin = server.connect("supabase_admin", "template1").await;
    let unused = mem::take(&mut *UNUSED.lock().unwrap_or_else(PoisonError::into_inner));
    for name in unused {
        admin.batch_execute(&format!("drop database {name} with (force)")).await.unwrap();
    }
    let name = format!("test_{}", Uuid::new_v4().simple());
    let sql = format!("create database {name} template {template}");
    // A connection that has just ended is counted until its process is gone.
    for _ in 0..1000 {
        match admin.batch_execute(&sql).await {
            Ok(()) => return name,
            Err(error) if error.code().is_some_and(|code| code.code() == "55006") => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{sql}: {error:?}"),
        }
    }
    panic!("{template} stays in use");
}
