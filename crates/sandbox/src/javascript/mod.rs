//! The JavaScript worker: QuickJS in a separate process, which runs one script after another, each in
//! a new runtime. It has no access to files and the network, only to its pipes, over which the files
//! of a script are sent.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::model::{ScriptFile, Status};
use super::protocol::{self, FileHeader, READY, RESPONSE, Request, Response};

mod error;
mod evaluate;
mod globals;
mod digest;
mod library;
mod run;
mod workspace;

use run::Run;
use workspace::Workspace;

/// Serves scripts until the host disconnects.
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
    let run = Rc::new(Run::begin(request));
    let ended = evaluate::evaluate(request, &run, &workspace, to);
    // If a limit was reached, it is the cause, whatever the script made of it.
    let (status, result, error) = match (run.limit_reached.get(), run.exit_code.get()) {
        (Some(status), _) => (status, None, Some(error::limit_error(status, request))),
        (None, Some(0)) => (Status::Ok, None, None),
        (None, Some(code)) => (Status::Error, None, Some(error::exited(code))),
        (None, None) => (ended.status, ended.result, ended.error),
    };
    let files = workspace.borrow().changed();
    let headers = files.iter().map(FileHeader::from_file).collect();
    (Response { status, result, error, files: headers }, files)
}
