//! The server as a process of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use uuid::Uuid;

/// A running process. It ends when this is dropped.
pub struct Program {
    pub url: String,
    /// The local Supabase's address, where there is one.
    pub supabase_url: String,
    process: Child,
    folder: PathBuf,
}

/// The program with these settings and no others, in a folder of its own.
fn command(folder: &Path, settings: &[(&str, &str)]) -> Command {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-backend"));
    command.env_clear().current_dir(folder).envs(settings.iter().copied());
    command
}

/// A folder that is not there yet.
pub fn new_folder() -> PathBuf {
    std::env::temp_dir().join(format!("chat-backend-test-{}", Uuid::new_v4()))
}

impl Program {
    /// Starts the server on any port and waits until it says where.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = new_folder();
        let mut command = command(&folder, settings);
        command.env("PORT", "0").env("LOCAL_SUPABASE_ADDR", "127.0.0.1:0");
        let log = File::create(folder.join("log")).unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let banner = banner(process.stdout.take().unwrap());
        let address = |name: &str| banner.get(name).cloned().unwrap_or_default();
        let url = address("API").trim_end_matches("/api").to_owned();
        assert!(!url.is_empty(), "the server did not start");
        Self { url, supabase_url: address("Supabase"), process, folder }
    }

    /// Its data, where it runs on the local Supabase.
    pub fn data_dir(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first word of each line of what it says at its start, and the second.
fn banner(stdout: ChildStdout) -> HashMap<String, String> {
    let mut banner = HashMap::new();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        let is_last = name == "Models";
        banner.insert(name, value);
        if is_last {
            break;
        }
    }
    banner
}

/// Runs the program with arguments to its end.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = new_folder();
    let output = run_in(&folder, arguments, settings);
    let _ = std::fs::remove_dir_all(&folder);
    output
}

/// The same in a folder of the caller's, which is made if need be.
pub fn run_in(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    command(folder, settings).args(arguments).output().unwrap()
}
