//! The server's side of a worker: starts it, gives it a script, watches it, ends it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::to_raw_value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::model::{Limits, MAX_FILES, Outcome, Script, ScriptError, ScriptFile, Status};
use super::output::Output;
use super::protocol::{self, FileHeader, READY, RESPONSE, Request, Response, STDERR, STDOUT};
use super::{outcome, platform};

/// How long a worker may take to start.
const START: Duration = Duration::from_secs(10);
/// How often a worker is looked at from outside.
const WATCH_EVERY: Duration = Duration::from_millis(10);
/// So many looks in a row may find nothing.
const MAX_UNSEEN: u32 = 50;
/// Threads take memory that is not a process's own.
const MAX_THREADS: u64 = 256;
/// How long the last output of a worker that was ended may take to be read.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A process that runs scripts. It ends when this is dropped.
pub(super) struct Worker {
    child: Child,
    requests: Writer,
    frames: BufReader<Reader>,
    /// Output that does not come as frames.
    pipes: Option<(Reader, Reader)>,
    watch: Watch,
    /// How many scripts it has run.
    pub(super) runs: u32,
    /// It must not run another one.
    pub(super) is_spent: bool,
}

/// How a worker is started.
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) has_pipes: bool,
    pub(super) watch: Watch,
}

/// What is watched from outside.
#[derive(Clone, Copy)]
pub(super) enum Watch {
    /// The worker's own memory.
    Process { max_bytes: u64 },
    /// The memory of the worker's grandchild and what is in its `/files` and `/tmp`.
    #[cfg(target_os = "linux")]
    Grandchild { max_bytes: u64, max_files: u64 },
}

/// Why a script was ended from outside.
enum Cut {
    Timeout,
    Memory,
    Output,
    Files,
    /// The worker is gone, or talks nonsense.
    Broken,
}

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

type Written = (Response, Vec<(String, Bytes)>);

impl Worker {
    /// Starts a worker and waits until it is ready.
    pub(super) async fn start(launch: &Launch) -> Result<Self, String> {
        let mut worker =
            spawn(launch).map_err(|error| format!("a worker cannot be started: {error}"))?;
        match timeout(START, frame(&mut worker.frames, 0)).await {
            Ok(Ok((READY, _))) => Ok(worker),
            Ok(_) => Err(worker.last_words().await),
            Err(_) => Err("a worker did not start in time".into()),
        }
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether its memory can be seen from outside.
    #[cfg(target_os = "linux")]
    pub(super) fn is_watched(&self) -> bool {
        self.child.id().is_some_and(|process| self.watch.usage(process).is_some())
    }

    /// Runs a script to its end, or to the end of what is allowed.
    pub(super) async fn run(&mut self, script: &Script, limits: &Limits) -> Outcome {
        let begun = Instant::now();
        let output = Output::new(limits.output_bytes);
        self.runs += 1;
        // Until the script has ended well, a dropped run leaves a worker that is of no use.
        self.is_spent = true;
        let ended = self.converse(script, limits, &output).await;
        let duration = begun.elapsed();
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
            Err(cut) => {
                let (status, error) = cut.explain(script, limits);
                (outcome.status, outcome.error) = (status, Some(error));
            }
        }
        outcome
    }

    /// Hands over the script and waits for the first of: its end, too much output, too much memory,
    /// the end of its time.
    async fn converse(
        &mut self,
        script: &Script,
        limits: &Limits,
        output: &Output,
    ) -> Result<Written, Cut> {
        let request = protocol::request(&request(script, limits)?)?;
        let requests = &mut self.requests;
        let write = async {
            requests.write_all(&request).await?;
            for file in &script.files {
                requests.write_all(&file.data).await?;
            }
            requests.flush().await
        };
        // A worker that does not read on has ended, which reading will tell.
        let talk = async { tokio::join!(write, response(&mut self.frames, limits, output)).1 };
        // QuickJS ends a script itself; only where it cannot, the server does.
        let grace = if self.pipes.is_some() { Duration::ZERO } else { script.timeout / 10 };
        let process = self.child.id();
        let pipes = drain(self.pipes.as_mut(), output);
        tokio::select! {
            ended = talk => ended,
            () = pipes => Err(Cut::Output),
            cut = watch(self.watch, process) => Err(cut),
            () = sleep(script.timeout + grace) => Err(Cut::Timeout),
        }
    }

    fn kill(&mut self) {
        if let Some(process) = self.child.id() {
            platform::kill_group(process);
        }
        // Where there are no process groups.
        let _ = self.child.start_kill();
    }

    /// What the pipes still hold. Nobody writes any more.
    async fn read_last_output(&mut self, output: &Output) {
        let Some((stdout, stderr)) = &mut self.pipes else { return };
        let rest =
            async { tokio::join!(copy(stdout, STDOUT, output), copy(stderr, STDERR, output)) };
        let _ = timeout(LAST_OUTPUT, rest).await;
        // The process is dead; this only waits for the system to say so.
        let _ = timeout(LAST_OUTPUT, self.child.wait()).await;
    }

    /// Why it did not start, as it says itself.
    async fn last_words(&mut self) -> String {
        self.kill();
        let output = Output::new(2_000);
        self.read_last_output(&output).await;
        let said = outcome::text(&output.into_parts().1);
        match said.trim() {
            "" => "a worker ended at once".to_owned(),
            said => said.to_owned(),
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
    if launch.has_pipes { with_pipes(command, launch.watch) } else { plain(command, launch.watch) }
}

/// A worker that talks over its standard input and output.
fn plain(mut command: Command, watch: Watch) -> io::Result<Worker> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let missing = || io::Error::other("a pipe is missing");
    let requests = Box::new(child.stdin.take().ok_or_else(missing)?);
    let frames: Reader = Box::new(child.stdout.take().ok_or_else(missing)?);
    let frames = BufReader::new(frames);
    Ok(Worker { child, requests, frames, pipes: None, watch, runs: 0, is_spent: false })
}

/// A worker whose standard input is a socket on which it talks, because its script has standard
/// output and error for itself.
#[cfg(unix)]
fn with_pipes(mut command: Command, watch: Watch) -> io::Result<Worker> {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // The command keeps the worker's end of the socket open.
    drop(command);
    let missing = || io::Error::other("a pipe is missing");
    let stdout: Reader = Box::new(child.stdout.take().ok_or_else(missing)?);
    let stderr: Reader = Box::new(child.stderr.take().ok_or_else(missing)?);
    let (frames, requests) = tokio::net::UnixStream::from_std(ours)?.into_split();
    let (frames, requests): (Reader, Writer) = (Box::new(frames), Box::new(requests));
    let (frames, pipes) = (BufReader::new(frames), Some((stdout, stderr)));
    Ok(Worker { child, requests, frames, pipes, watch, runs: 0, is_spent: false })
}

#[cfg(not(unix))]
fn with_pipes(_: Command, _: Watch) -> io::Result<Worker> {
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
        files: script.files.iter().map(FileHeader::of).collect(),
    })
}

/// Reads frames up to the response and its files.
async fn response(
    from: &mut BufReader<Reader>,
    limits: &Limits,
    output: &Output,
) -> Result<Written, Cut> {
    let max_frame = limits.output_bytes + (MAX_FILES * 8192) as u64;
    loop {
        let (kind, payload) = frame(from, max_frame).await?;
        match kind {
            STDOUT | STDERR if output.push(kind, &payload) => {}
            STDOUT | STDERR => return Err(Cut::Output),
            RESPONSE => return files(from, &payload, limits).await,
            _ => return Err(Cut::Broken),
        }
    }
}

async fn frame(from: &mut BufReader<Reader>, max_bytes: u64) -> Result<(u8, Vec<u8>), Cut> {
    let kind = from.read_u8().await?;
    let size = from.read_u32_le().await?;
    if u64::from(size) > max_bytes {
        return Err(Cut::Broken);
    }
    let mut payload = vec![0; size as usize];
    from.read_exact(&mut payload).await?;
    Ok((kind, payload))
}

async fn files(
    from: &mut BufReader<Reader>,
    response: &[u8],
    limits: &Limits,
) -> Result<Written, Cut> {
    let response: Response = serde_json::from_slice(response).map_err(|_| Cut::Broken)?;
    let size = response.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
    if size > limits.files_bytes() || response.files.len() > MAX_FILES {
        return Err(Cut::Files);
    }
    let mut files = Vec::new();
    for file in &response.files {
        let mut data = vec![0; usize::try_from(file.size).map_err(|_| Cut::Broken)?];
        from.read_exact(&mut data).await?;
        files.push((file.name.clone(), data.into()));
    }
    Ok((response, files))
}

/// Reads a script's own output; ends when there is too much of it.
async fn drain(pipes: Option<&mut (Reader, Reader)>, output: &Output) {
    let Some((stdout, stderr)) = pipes else { return std::future::pending().await };
    tokio::select! {
        () = overflow(stdout, STDOUT, output) => {}
        () = overflow(stderr, STDERR, output) => {}
    }
}

async fn overflow(from: &mut Reader, kind: u8, output: &Output) {
    if copy(from, kind, output).await {
        std::future::pending::<()>().await;
    }
}

/// Copies to the end; false when there was too much.
async fn copy(from: &mut Reader, kind: u8, output: &Output) -> bool {
    let mut buffer = [0; 16 << 10];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return true,
            Ok(count) if output.push(kind, &buffer[..count]) => {}
            Ok(_) => return false,
        }
    }
}

/// Looks at a worker from time to time; ends when it uses too much, or hides.
async fn watch(watch: Watch, process: Option<u32>) -> Cut {
    let Some(process) = process else { return Cut::Broken };
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unseen = 0;
    loop {
        ticks.tick().await;
        match watch.usage(process).map(|usage| watch.exceeded(&usage)) {
            Some(Some(cut)) => return cut,
            Some(None) => unseen = 0,
            // A worker that has ended is not seen either; its last words may be under way.
            None if unseen >= MAX_UNSEEN => return Cut::Broken,
            None => unseen += 1,
        }
    }
}

/// How much a worker uses.
struct Usage {
    bytes: u64,
    threads: u64,
    files: u64,
}

impl Watch {
    fn exceeded(self, usage: &Usage) -> Option<Cut> {
        let (max_bytes, max_files) = match self {
            Self::Process { max_bytes } => (max_bytes, 0),
            #[cfg(target_os = "linux")]
            Self::Grandchild { max_bytes, max_files } => (max_bytes, max_files),
        };
        if usage.bytes > max_bytes || usage.threads > MAX_THREADS {
            return Some(Cut::Memory);
        }
        (usage.files > max_files).then_some(Cut::Files)
    }

    /// `None` when it is not there, or cannot be seen.
    fn usage(self, process: u32) -> Option<Usage> {
        match self {
            Self::Process { .. } => {
                let (bytes, threads) = platform::usage(process)?;
                Some(Usage { bytes, threads, files: 0 })
            }
            #[cfg(target_os = "linux")]
            Self::Grandchild { .. } => {
                let python = platform::child(platform::child(process)?)?;
                let (bytes, threads) = platform::usage(python)?;
                let mut usage = Usage { bytes, threads, files: 0 };
                for folder in ["/files", "/tmp"] {
                    let (bytes, files) = platform::stored(python, folder)?;
                    usage.bytes += bytes;
                    usage.files += files;
                }
                Some(usage)
            }
        }
    }
}

impl Cut {
    fn explain(&self, script: &Script, limits: &Limits) -> (Status, ScriptError) {
        let timeout_ms = u64::try_from(script.timeout.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Timeout => (Status::Timeout, ScriptError::timeout(timeout_ms)),
            Self::Memory => (Status::MemoryLimit, ScriptError::memory_limit(limits.memory_bytes)),
            Self::Output => (Status::OutputLimit, ScriptError::output_limit(limits.output_bytes)),
            Self::Files => (Status::OutputLimit, ScriptError::too_many_files(limits.files_bytes())),
            Self::Broken => outcome::crashed(),
        }
    }
}

fn finish(outcome: &mut Outcome, (response, written): Written, given: &[ScriptFile]) {
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
