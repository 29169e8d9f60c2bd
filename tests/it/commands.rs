//! The commands of the program, as a process: what they print and how they end.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Program, Reply, new_folder, run, run_in};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a command that fails says, in one line.
fn refusal(output: &Output, code: i32) -> &str {
    let line = text(&output.stderr).strip_suffix('\n').unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert!(line.starts_with("chat-backend: ") && !line.contains('\n'), "{line}");
    line
}

#[test]
fn what_is_not_understood_is_one_line_and_ends_with_2() {
    for arguments in [&["serve"][..], &["check", "now"], &["backup"], &["migrations", "--out"]] {
        let output = run(arguments, &[]);
        refusal(&output, 2);
        assert!(output.stdout.is_empty());
    }
    let help = run(&["--help"], &[]);
    assert!(help.status.success());
    for command in ["check", "health", "migrations", "backup", "restore", "reset-local"] {
        assert!(text(&help.stdout).contains(&format!("\n  {command} ")), "{command}");
    }
}

/// The names and texts of the files in a folder.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_migrations_are_written_once_and_never_over_others() {
    let folder = new_folder();
    let ours = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase/migrations"));
    let written = run_in(&folder, &["migrations", "--out", "supabase/migrations"], &[]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    let path = folder.join("supabase/migrations");
    assert_eq!(files(&path), ours);

    fs::remove_file(path.join(&ours[1].0)).unwrap();
    fs::write(path.join("20300101000000_own.sql"), "select 1;").unwrap();
    let again = run_in(&folder, &["migrations", "--out=supabase/migrations"], &[]);
    assert!(text(&again.stdout).starts_with("1 of "), "{}", text(&again.stdout));
    assert_eq!(files(&path).len(), ours.len() + 1);

    fs::remove_file(path.join(&ours[2].0)).unwrap();
    fs::write(path.join(&ours[0].0), "drop table chats;").unwrap();
    let refused = run_in(&folder, &["migrations", "--out", "supabase/migrations"], &[]);
    assert!(refusal(&refused, 1).contains("says something else"));
    assert!(!path.join(&ours[2].0).exists(), "nothing is written when one differs");

    let printed = run(&["migrations"], &[]);
    let printed = text(&printed.stdout);
    let at = |text: &str| printed.find(text.trim()).unwrap();
    assert!(ours.windows(2).all(|pair| at(&pair[0].1) < at(&pair[1].1)));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn health_is_that_of_the_server_with_these_settings() {
    let server = Program::start(&[]);
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    // A proxy is not for this machine.
    let settings = [("PORT", port.as_str()), ("HTTP_PROXY", "http://127.0.0.1:9")];
    let ready = run(&["health"], &settings);
    assert_eq!((ready.status.code(), text(&ready.stdout)), (Some(0), "ready\n"));
    drop(server);
    let gone = run(&["health"], &settings);
    assert!(refusal(&gone, 1).contains("no server answers at http://127.0.0.1:"));
}

#[tokio::test]
async fn a_backup_of_a_running_server_brings_everything_back() {
    let server = Program::start(&[]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sign_in = |url: String, what: &str| {
        let request = http.post(format!("{url}/auth/v1/{what}"));
        let request = request.header("apikey", "sb_publishable_local");
        Reply::send(request.json(&json!({ "email": "a@example.com", "password": "long enough" })))
    };
    let session = sign_in(server.supabase_url.clone(), "signup").await.expect(200);
    let token = session["access_token"].as_str().unwrap().to_owned();
    let created = http.post(format!("{}/api/chats/", server.url)).bearer_auth(&token);
    Reply::send(created.json(&json!({ "title": "Trip" }))).await.expect(201);

    let folder = new_folder();
    let data_dir = server.data_dir();
    let settings = [("DATA_DIR", data_dir.as_str())];
    let saved = run_in(&folder, &["backup", "saved.tar"], &settings);
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    assert!(text(&saved.stdout).starts_with("Saved the database ("), "{}", text(&saved.stdout));
    assert!(refusal(&run_in(&folder, &["backup", "saved.tar"], &settings), 1).contains("exists"));
    let inside = format!("{data_dir}/saved.tar");
    assert!(refusal(&run(&["backup", &inside], &settings), 1).contains("in the data folder"));
    let piped = run(&["backup", "-"], &settings);
    assert!(piped.stdout.starts_with(b"backup.json") && piped.status.success());
    let refused = run_in(&folder, &["restore", "saved.tar"], &settings);
    assert!(refusal(&refused, 1).contains("is in use by another running server"));
    drop(server);

    let restored = run_in(&folder, &["restore", "saved.tar"], &[]);
    assert!(text(&restored.stdout).starts_with("Restored the database ("));
    let refused = run_in(&folder, &["restore", "saved.tar"], &[]);
    assert!(refusal(&refused, 1).contains("is not empty"));
    let data_dir = folder.join("data").display().to_string();
    let server = Program::start(&[("DATA_DIR", &data_dir)]);
    let session = sign_in(server.supabase_url.clone(), "token?grant_type=password").await;
    let token = session.expect(200)["access_token"].as_str().unwrap().to_owned();
    let list = http.get(format!("{}/api/chats/", server.url)).bearer_auth(token);
    let list: Value = Reply::send(list).await.expect(200);
    assert_eq!(list[0]["title"], "Trip");
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_project_elsewhere_is_not_backed_up() {
    let settings = [("SUPABASE_URL", "http://127.0.0.1:9"), ("SUPABASE_ANON_KEY", "k")];
    for command in ["backup", "restore"] {
        let refused = run(&[command, "a.tar"], &settings);
        assert!(refusal(&refused, 1).contains("is for the local Supabase alone"));
    }
    assert!(refusal(&run(&["backup", "a.tar"], &[]), 1).contains("nothing to back up"));
}
