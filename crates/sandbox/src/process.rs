//! The host's side of a worker: starts it, sends it a script, watches it, ends it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde_json::value::to_raw_value;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::frames::{self, Answer, Reader, copy};
use super::model::{Limits, MAX_FILES, Outcome, Script, ScriptFile, Status};
use super::output::Output;
use super::protocol::{self, FileHeader, READY, Request, STDERR, STDOUT};
use super::termination::Termination;
use super::watchdog::Watchdog;
use super::{outcome, platform};

/// The timeout for a worker to start.
pub(super) const START: Duration = Duration::from_secs(10);
/// The timeout for reading the last output of a worker that was ended.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A process that runs scripts. It ends when this is dropped.
pub(super) struct Worker {
    child: Child,
    requests: Writer,
    frames: BufReader<Reader>,
    /// Output that is not part of a frame.
    pipes: Option<(Reader, Reader)>,
    watchdog: Watchdog,
    /// How many scripts it has run.
    pub(super) runs: u32,
    /// Whether it must not run another one.
    pub(super) is_spent: bool,
}

/// How a worker is started.
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) has_pipes: bool,
    pub(super) watchdog: Watchdog,
    pub(super) start_timeout: Duration,
}

impl Worker {
    /// Starts a worker and waits until it is ready.
    pub(super) async fn start(launch: &Launch) -> Result<Self, String> {
        let mut worker =
            spawn(launch).map_err(|error| format!("a worker cannot be started: {error}"))?;
        match timeout(launch.start_timeout, frames::read_frame(&mut worker.frames, 0)).await {
            Ok(Ok((READY, _))) => Ok(worker),
            Ok(_) => Err(worker.startup_error().await),
            Err(_) => Err("a worker did not start in time".into()),
        }
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether its memory can be measured from outside.
    #[cfg(target_os = "linux")]
    pub(super) fn is_watched(&self) -> bool {
        self.child.id().is_some_and(|process| self.watchdog.usage(process).is_some())
    }

    /// Runs a script until it ends or reaches a limit.
    pub(super) async fn run(&mut self, script: &Script, limits: &Limits) -> Outcome {
        let started = Instant::now();
        let output = Output::new(limits.output_bytes);
        self.runs += 1;
        // A run that is dropped before the script has ended leaves a worker that cannot be reused.
        self.is_spent = true;
        let ended = self.exchange(script, limits, &output).await;
        let duration = started.elapsed();
        self.is_spent = ended.is_err() || self.pipes.is_some();
        if self.is_spent {
            self.kill();
            self.read_last_output(&output).await;
        }
        let (stdout, stderr, truncated) = output.into_parts();
        let mut outcome = Outcome {
            status: Status::Ok,
            stdout: outcome::text(&stdout),
            stderr: outcome::text(&stderr),
            truncated,
            result: serde_json::Value::Null,
            error: None,
            files: Vec::new(),
            duration,
        };
        match ended {
            Ok(written) => finish(&mut outcome, written, &script.files),
            Err(termination) => {
                let (status, error) = termination.explain(script, limits);
                (outcome.status, outcome.error) = (status, Some(error));
            }
        }
        self.is_spent |= !matches!(outcome.status, Status::Ok | Status::Error) || self.is_bloated();
        outcome
    }

    /// Whether it holds so much memory that the next script would not have enough.
    fn is_bloated(&self) -> bool {
        self.child.id().is_some_and(|process| self.watchdog.is_bloated(process))
    }

    /// Sends the script and waits for the first of: its end, too much output, too much memory, its
    /// timeout, its cancellation.
    async fn exchange(
        &mut self,
        script: &Script,
        limits: &Limits,
        output: &Output,
    ) -> Result<Answer, Termination> {
        let request = protocol::encode_request(&request(script, limits)?)?;
        let requests = &mut self.requests;
        let write = async {
            requests.write_all(&request).await?;
            for file in &script.files {
                requests.write_all(&file.data).await?;
            }
            requests.flush().await
        };
        // A worker that does not read has ended, which the reader will notice.
        let answer =
            async { tokio::join!(write, frames::read_answer(&mut self.frames, limits, output)).1 };
        // QuickJS ends a script itself; only if that fails, the host does.
        let grace = if self.pipes.is_some() { Duration::ZERO } else { script.timeout / 10 };
        let process = self.child.id();
        let pipes = frames::drain(self.pipes.as_mut(), output);
        let peak = AtomicU64::new(0);
        let ended = tokio::select! {
            ended = answer => ended,
            () = pipes => Err(Termination::Output),
            termination = self.watchdog.watch(process, &peak) => Err(termination),
            () = sleep(script.timeout + grace) => Err(Termination::Timeout),
            () = script.cancelled.cancelled() => Err(Termination::Cancelled),
        };
        match ended {
            // Not every part of an interpreter can say that memory has run out.
            Err(Termination::Broken) if self.watchdog.is_near_limit(&peak) => {
                Err(Termination::Memory)
            }
            ended => ended,
        }
    }

    fn kill(&mut self) {
        if let Some(process) = self.child.id() {
            platform::kill_group(process);
        }
        // Where there are no process groups.
        let _ = self.child.start_kill();
    }

    /// The remaining content of the pipes, to which nothing is written any more.
    async fn read_last_output(&mut self, output: &Output) {
        let Some((stdout, stderr)) = &mut self.pipes else { return };
        let rest =
            async { tokio::join!(copy(stdout, STDOUT, output), copy(stderr, STDERR, output)) };
        let _ = timeout(OUTPUT_DRAIN_TIMEOUT, rest).await;
        // The process is dead; this only waits for the system to report it.
        let _ = timeout(OUTPUT_DRAIN_TIMEOUT, self.child.wait()).await;
    }

    /// Why the worker did not start, as it reported itself.
    async fn startup_error(&mut self) -> String {
        self.kill();
        let output = Output::new(2_000);
        self.read_last_output(&output).await;
        let stderr = outcome::text(&output.into_parts().1);
        match stderr.trim() {
            "" => "a worker ended at once".to_owned(),
            stderr => stderr.to_owned(),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(launch: &Launch) -> io::Result<Worker> {
    let mut command = Command::new(&launch.program);
    command.args(&launch.arguments).env_clear().kill_on_drop(true);
    command.current_dir(Path::new("/"));
    #[cfg(unix)]
    command.process_group(0);
    if launch.has_pipes {
        spawn_with_socket(command, launch.watchdog)
    } else {
        // The engine asks the system for the local time.
        command.env("TZ", "UTC0");
        spawn_with_stdio(command, launch.watchdog)
    }
}

/// A worker that communicates over its standard input and output.
fn spawn_with_stdio(mut command: Command, watchdog: Watchdog) -> io::Result<Worker> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let missing = || io::Error::other("a pipe is missing");
    let requests = Box::new(child.stdin.take().ok_or_else(missing)?);
    let frames: Reader = Box::new(child.stdout.take().ok_or_else(missing)?);
    let frames = BufReader::new(frames);
    Ok(Worker { child, requests, frames, pipes: None, watchdog, runs: 0, is_spent: false })
}

/// A worker that communicates over a socket as its standard input, because its script has standard
/// output and error to itself.
#[cfg(unix)]
fn spawn_with_socket(mut command: Command, watchdog: Watchdog) -> io::Result<Worker> {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // The command holds the worker's end of the socket open.
    drop(command);
    let missing = || io::Error::other("a pipe is missing");
    let stdout: Reader = Box::new(child.stdout.take().ok_or_else(missing)?);
    let stderr: Reader = Box::new(child.stderr.take().ok_or_else(missing)?);
    let (frames, requests) = tokio::net::UnixStream::from_std(ours)?.into_split();
    let (frames, requests): (Reader, Writer) = (Box::new(frames), Box::new(requests));
    let (frames, pipes) = (BufReader::new(frames), Some((stdout, stderr)));
    Ok(Worker { child, requests, frames, pipes, watchdog, runs: 0, is_spent: false })
}

#[cfg(not(unix))]
fn spawn_with_socket(_: Command, _: Watchdog) -> io::Result<Worker> {
    Err(io::ErrorKind::Unsupported.into())
}

fn request(script: &Script, limits: &Limits) -> io::Result<Request> {
    Ok(Request {
        code: script.code.clone(),
        input: script.input.as_ref().map(to_raw_value).transpose()?,
        timeout_ms: u64::try_from(script.timeout.as_millis()).unwrap_or(u64::MAX),
        memory_bytes: limits.memory_bytes,
        output_bytes: limits.output_bytes,
        files_bytes: limits.files_bytes(),
        max_files: MAX_FILES,
        files: script.files.iter().map(FileHeader::from_file).collect(),
    })
}

fn finish(outcome: &mut Outcome, (response, written): Answer, given: &[ScriptFile]) {
    outcome.status = response.status;
    outcome.error = response.error.map(outcome::error);
    outcome.truncated |= response.status == Status::OutputLimit;
    outcome.files = outcome::files(written, given);
    match outcome::result(response.result.as_deref()) {
        Ok(result) => outcome.result = result,
        Err(error) if response.status == Status::Ok => {
            (outcome.status, outcome.error) = (Status::Error, Some(error));
        }
        Err(_) => {}
    }
}
