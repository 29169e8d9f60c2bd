//! The server as a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use uuid::Uuid;

/// A running process. It ends when this is dropped.
pub struct Program {
    pub url: String,
    process: Child,
    folder: PathBuf,
}

/// The program with these settings and no others, in a folder of its own.
fn command(folder: &PathBuf, settings: &[(&str, &str)]) -> Command {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-backend"));
    command.env_clear().current_dir(folder).envs(settings.iter().copied());
    command
}

fn new_folder() -> PathBuf {
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
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let api = lines.map_while(Result::ok).find(|line| line.trim().starts_with("API"));
        let api = api.expect("the server did not start");
        let url = api.split_whitespace().last().unwrap().trim_end_matches("/api").to_owned();
        Self { url, process, folder }
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

/// Runs the program with arguments to its end.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = new_folder();
    let output = command(&folder, settings).args(arguments).output().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    output
}
