//! What is kept in the data folder, and when it is refused.

use std::fs;

use crate::testing::{Folder, Server};
use clock::Clock;

fn refusal(folder: &Folder) -> String {
    folder.open(Clock::System).err().expect("the folder must be refused").to_string()
}

#[tokio::test]
async fn keys_users_and_sessions_survive_a_restart() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let jwks = server.get("/auth/v1/.well-known/jwks.json").send().await.body;
    let service_key = server.service_key().to_owned();

    let server = server.restart();
    assert_eq!(server.get("/auth/v1/.well-known/jwks.json").send().await.body, jwks);
    assert_eq!(server.service_key(), service_key);
    assert_eq!(server.get("/auth/v1/user").bearer(&tokens.access).send().await.status, 200);
    assert_eq!(server.refresh(&tokens.refresh).await.status, 200);
    assert_eq!(server.sign_in().await.user_id, tokens.user_id);
}

#[test]
fn a_folder_has_one_server_at_a_time() {
    let folder = Folder::new();
    let first = folder.open(Clock::System).unwrap();
    assert!(refusal(&folder).ends_with("is in use by another running server"));
    let router = first.router();
    drop(first);
    assert!(folder.open(Clock::System).is_err(), "the router still uses it");
    drop(router);
    folder.open(Clock::System).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let folder = Folder::new();
    drop(folder.open(Clock::System).unwrap());
    let database = rusqlite::Connection::open(folder.0.join("supabase.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    assert!(refusal(&folder).contains("is of version 99, but this program knows only"));
}

#[test]
fn damaged_files_are_named() {
    let folder = Folder::new();
    drop(folder.open(Clock::System).unwrap());
    let key = fs::read_dir(folder.0.join("signing_keys")).unwrap().next().unwrap().unwrap().path();
    let good_key = fs::read(&key).unwrap();
    fs::write(&key, "nonsense").unwrap();
    assert!(refusal(&folder).ends_with("does not hold a signing key"));
    fs::write(&key, good_key).unwrap();

    fs::write(folder.0.join("service_key"), "").unwrap();
    assert!(refusal(&folder).ends_with("does not hold a service key"));

    fs::write(folder.0.join("supabase.db"), "nonsense".repeat(1000)).unwrap();
    assert!(refusal(&folder).contains("supabase.db: file is not a database"));
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file").unwrap();
    assert!(refusal(&folder).starts_with("cannot use the data folder"));
    fs::remove_file(&folder.0).unwrap();
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let _supabase = folder.open(Clock::System).unwrap();
    let mode = |path: std::path::PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.0.clone()), 0o700);
    for entry in fs::read_dir(folder.0.join("signing_keys")).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
    for name in ["service_key", "supabase.db", "supabase.db-wal"] {
        assert_eq!(mode(folder.0.join(name)), 0o600, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_enter_is_closed_or_refused() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let mode = || metadata(&folder.0).unwrap().permissions().mode() & 0o777;
    let open = || set_permissions(&folder.0, Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(&folder.0).unwrap();
    open();
    folder.open(Clock::System).unwrap();
    assert_eq!(mode(), 0o700, "an empty one is closed");
    open();
    folder.open(Clock::System).unwrap();
    assert_eq!(mode(), 0o700, "so is one of an earlier start");
    for name in ["supabase.db", "supabase.db-wal", "supabase.db-shm"] {
        let _ = std::fs::remove_file(folder.0.join(name));
    }
    std::fs::write(folder.0.join("letter.txt"), "Dear").unwrap();
    open();
    assert!(refusal(&folder).contains("is open to other users"), "one with more in it is not ours");
    assert_eq!(mode(), 0o755);
}

#[test]
fn a_key_that_is_added_signs_and_the_old_one_still_verifies() {
    let (old, new) = (Folder::new(), Folder::new());
    let keys = |folder: &Folder| fs::read_dir(folder.0.join("signing_keys")).unwrap();
    drop(old.open(Clock::System).unwrap());
    drop(new.open(Clock::System).unwrap());
    let newer = keys(&new).next().unwrap().unwrap();
    fs::copy(newer.path(), old.0.join("signing_keys").join(newer.file_name())).unwrap();
    let supabase = old.open(Clock::System).unwrap();
    let jwks = supabase.context.signing_keys.jwks();
    let kids: Vec<_> = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids.len(), 2);
    assert_eq!(kids[1].as_str(), newer.path().file_stem().unwrap().to_str());
}
