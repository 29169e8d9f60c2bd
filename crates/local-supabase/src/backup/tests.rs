use std::fs;
use std::path::Path;

use clock::Clock;
use serde_json::json;

use super::{BackupContents, BackupError};
use crate::LocalSupabase;
use crate::testing::{Folder, Server};

const FILE: &str = "/storage/v1/object/pictures/a.txt";

async fn server_with_a_file() -> Server {
    let server = Server::start();
    let key = server.service_key().to_owned();
    let bucket = json!({ "id": "pictures", "name": "pictures" });
    let created = server.post("/storage/v1/bucket").bearer(&key).json(&bucket).await;
    assert_eq!(created.status, 200, "{}", created.body);
    let stored = server.post(FILE).bearer(&key).header("content-type", "text/plain");
    assert_eq!(stored.text("hello").await.status, 200);
    server
}

fn backup(folder: &Path) -> Vec<u8> {
    let mut archive = Vec::new();
    let contents = LocalSupabase::backup(folder, &mut archive).unwrap();
    assert!(contents.database_bytes > 0);
    assert_eq!(contents, BackupContents { files: 1, file_bytes: 5, missing: 0, ..contents });
    archive
}

fn refusal(archive: &[u8], folder: &Folder) -> BackupError {
    let error = LocalSupabase::restore(archive, &folder.0).unwrap_err();
    let left = fs::read_dir(&folder.0).into_iter().flatten().count();
    assert_eq!(left, 0, "something is left in the folder: {error}");
    error
}

#[tokio::test]
async fn what_a_running_server_has_is_there_after_a_restore() {
    let server = server_with_a_file().await;
    let tokens = server.sign_up().await;
    let archive = backup(server.folder());
    let names: Vec<_> = fs::read_dir(server.folder()).unwrap().flatten().collect();
    assert!(names.iter().all(|entry| !entry.file_name().to_string_lossy().contains("tmp")));

    let folder = Folder::new();
    let restored = LocalSupabase::restore(archive.as_slice(), &folder.0).unwrap();
    assert_eq!((restored.files, restored.missing), (1, 0));
    let restored = Server::on(folder);
    let key = server.service_key().to_owned();
    assert_eq!(restored.service_key(), key);
    assert_eq!(restored.get("/auth/v1/user").bearer(&tokens.access).send().await.status, 200);
    assert_eq!(restored.sign_in().await.user_id, tokens.user_id);
    assert_eq!(restored.get(FILE).bearer(&key).send().await.body, "hello");
}

#[tokio::test]
async fn files_that_the_database_lacks_or_names_in_vain_are_counted_not_kept() {
    let server = server_with_a_file().await;
    fs::write(server.storage_folder().join("stray"), "x").unwrap();
    let archive = backup(server.folder());
    for path in server.stored_files() {
        fs::remove_file(path).unwrap();
    }
    let mut second = Vec::new();
    let contents = LocalSupabase::backup(server.folder(), &mut second).unwrap();
    assert_eq!((contents.files, contents.missing), (0, 1));
    let folder = Folder::new();
    let restored = LocalSupabase::restore(archive.as_slice(), &folder.0).unwrap();
    assert_eq!((restored.files, restored.missing), (1, 0));
    assert_eq!(fs::read_dir(folder.0.join("storage")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_restore_needs_an_empty_folder_that_no_server_uses() {
    let server = server_with_a_file().await;
    let archive = backup(server.folder());
    let error = LocalSupabase::restore(archive.as_slice(), server.folder()).unwrap_err();
    assert!(error.to_string().ends_with("is in use by another running server"), "{error}");

    let folder = Folder::new();
    drop(folder.open(Clock::System).unwrap());
    let error = LocalSupabase::restore(archive.as_slice(), &folder.0).unwrap_err();
    assert!(error.to_string().contains("is not empty"), "{error}");

    let other = Folder::new();
    fs::create_dir_all(&other.0).unwrap();
    fs::write(other.0.join("letter.txt"), "Dear").unwrap();
    let error = LocalSupabase::restore(archive.as_slice(), &other.0).unwrap_err();
    assert!(error.to_string().contains("is not empty"), "{error}");
    assert_eq!(fs::read_dir(&other.0).unwrap().count(), 1);
}

#[tokio::test]
async fn an_incomplete_archive_leaves_nothing() {
    let server = server_with_a_file().await;
    let archive = backup(server.folder());
    // Within the manifest, the file, a key, and the database.
    for length in [0, 100, 700, 1_600, 4_000, archive.len() / 2] {
        let error = refusal(&archive[..length], &Folder::new());
        assert!(
            matches!(error, BackupError::Incomplete | BackupError::NotABackup),
            "{length}: {error}"
        );
    }
    assert!(matches!(refusal(&archive[..4_000], &Folder::new()), BackupError::Incomplete));
}

#[test]
fn other_archives_are_refused() {
    let archive = |entries: &[(&str, &str)]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in entries {
            let mut header = super::header(text.len() as u64);
            // `append_data` refuses names that lead out of the folder.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let manifest = ("backup.json", "{\"local_supabase_backup\":1}");
    let refused = |entries: &[(&str, &str)]| refusal(&archive(entries), &Folder::new()).to_string();
    assert!(refused(&[("letter.txt", "Dear")]).contains("is not a backup"));
    assert!(refused(&[("backup.json", "{}")]).contains("is not a backup"));
    assert!(refused(&[("backup.json", "{\"local_supabase_backup\":2}")]).contains("of format 2"));
    assert!(refused(&[manifest]).contains("breaks off"));
    for name in ["../evil", "/tmp/evil", "a/b/c", "storage/../../evil"] {
        assert!(refused(&[manifest, (name, "x")]).contains("is not a backup"), "{name}");
    }
    assert!(refusal(b"nonsense", &Folder::new()).to_string().contains("is not a backup"));
}

#[test]
fn an_empty_folder_has_nothing_to_back_up() {
    let folder = Folder::new();
    let error = LocalSupabase::backup(&folder.0, Vec::new()).unwrap_err();
    assert!(error.to_string().starts_with("there is no local Supabase in"), "{error}");
    assert!(!folder.0.exists());
}
