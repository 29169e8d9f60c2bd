//! The worker's side: the main function of a program that was started as a worker.

use std::io::{self, BufReader, BufWriter};
use std::process::ExitCode;
use std::thread;

use super::{javascript, platform};

/// The hidden first argument that makes a program a worker.
pub const ARGUMENT: &str = "sandbox-worker";

/// The native stack size of the JavaScript thread; more than a script may use.
const STACK_BYTES: usize = 8 << 20;

/// Whose process a Python script is, as far as the machine's files are concerned.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunAs {
    /// The server's own user.
    Oneself,
    /// A user without permissions of their own: root reads its own files even without capabilities.
    Nobody,
}

#[cfg(target_os = "linux")]
impl RunAs {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Oneself => "oneself",
            Self::Nobody => "nobody",
        }
    }

    /// The safest first.
    pub(super) fn choices() -> &'static [Self] {
        if platform::can_become_nobody() {
            &[Self::Nobody, Self::Oneself]
        } else {
            &[Self::Oneself]
        }
    }
}

/// The main function of a worker; `arguments` are those after [`ARGUMENT`].
pub fn main(arguments: &[String]) -> ExitCode {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["javascript", memory] => javascript(memory),
        #[cfg(target_os = "linux")]
        ["python", memory, files, run_as, bwrap, launch @ ..] => {
            python(memory, files, run_as, bwrap, launch)
        }
        _ => Err(io::Error::other("unknown worker")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host reads this if a worker cannot be started.
            let _ = io::Write::write_all(&mut io::stderr(), error.to_string().as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn javascript(memory_bytes: &str) -> io::Result<()> {
    let memory_bytes = memory_bytes.parse().map_err(io::Error::other)?;
    // Before there is another thread: each has privileges of its own.
    platform::drop_privileges()?;
    let serve = move || {
        platform::confine_javascript(memory_bytes)?;
        javascript::serve(&mut BufReader::new(io::stdin()), BufWriter::new(io::stdout()))
    };
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(serve)?;
    thread.join().map_err(|_| io::Error::other("the worker panicked"))?
}

/// Executes bubblewrap, which executes Python.
#[cfg(target_os = "linux")]
fn python(memory: &str, files: &str, run_as: &str, bwrap: &str, launch: &[&str]) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let filter = platform::python_filter()?.to_string();
    let number = |text: &str| text.parse().map_err(io::Error::other);
    platform::limit_python(number(memory)?, number(files)?)?;
    if run_as == RunAs::Nobody.as_str() {
        platform::become_nobody()?;
    }
    let error = Command::new(bwrap).args(["--seccomp", &filter]).args(launch).exec();
    Err(io::Error::other(match error.kind() {
        io::ErrorKind::NotFound => "bubblewrap (bwrap) is not installed".to_owned(),
        _ => format!("bubblewrap cannot be started: {error}"),
    }))
}
