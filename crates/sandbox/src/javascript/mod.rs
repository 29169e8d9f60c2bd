//! The worker for JavaScript: QuickJS in a process of its own, which runs one script after the
//! other, each in a new runtime. It has no files and no network, only its pipes; the files of a
//! script travel with it.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::model::{ScriptFile, Status};
use super::protocol::{self, FileHeader, READY, RESPONSE, Request, Response};

mod error;
mod evaluate;
mod globals;
mod workspace;

use workspace::Workspace;

/// Serves scripts until the host goes away.
pub(super) fn serve<W: Write + 'static>(from: &mut impl Read, to: W) -> io::Result<()> {
    let to = Rc::new(RefCell::new(to));
    protocol::write_frame(&mut *to.borrow_mut(), READY, &[])?;
    while let Some((request, files)) = protocol::read_request(from)? {
        let (response, files) = run(&request, files, to.clone());
        let response = serde_json::to_vec(&response)?;
        let mut to = to.borrow_mut();
        protocol::write_frame(&mut *to, RESPONSE, &response)?;
        for file in files {
            to.write_all(&file.data)?;
        }
        to.flush()?;
    }
    Ok(())
}

fn run<W: Write + 'static>(
    request: &Request,
    files: Vec<ScriptFile>,
    to: Rc<RefCell<W>>,
) -> (Response, Vec<ScriptFile>) {
    let workspace = Rc::new(RefCell::new(Workspace::new(files, request)));
    let run = Rc::new(Run {
        ends_at: Instant::now() + Duration::from_millis(request.timeout_ms),
        output_left: Cell::new(request.output_bytes),
        limit_reached: Cell::new(None),
    });
    let ended = evaluate::evaluate(request, &run, &workspace, to);
    // A limit that was reached is the reason, whatever the script has made of it.
    let (status, result, error) = match run.limit_reached.get() {
        Some(status) => (status, None, Some(error::limit_error(status, request))),
        None => (ended.status, ended.result, ended.error),
    };
    let files = workspace.borrow().changed();
    let headers = files.iter().map(FileHeader::from_file).collect();
    (Response { status, result, error, files: headers }, files)
}

/// The state of a running script.
struct Run {
    ends_at: Instant,
    output_left: Cell<u64>,
    /// The limit that was reached; from then on the script is interrupted.
    limit_reached: Cell<Option<Status>>,
}

impl Run {
    /// Whether the script must not go on.
    fn must_end(&self) -> bool {
        if self.limit_reached.get().is_none() && Instant::now() >= self.ends_at {
            self.limit_reached.set(Some(Status::Timeout));
        }
        self.limit_reached.get().is_some()
    }
}
