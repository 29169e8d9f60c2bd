//! The native functions behind `console` and `files`.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use bytes::Bytes;
use rquickjs::{Ctx, Exception, Function, Object, Result};

use super::run::Run;
use super::workspace::Workspace;
use crate::model::Status;
use crate::protocol::{self, Request, STDERR, STDOUT};

const PRELUDE: &str = include_str!("prelude.js");

type Files = Rc<RefCell<Workspace>>;

/// Defines `console`, `files` and `input`. Returns a function that converts a value to JSON.
pub(super) fn install<'js, W: Write + 'static>(
    ctx: &Ctx<'js>,
    request: &Request,
    run: &Rc<Run>,
    files: &Files,
    to: Rc<RefCell<W>>,
) -> Result<Function<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("maxOutput", request.output_bytes as f64)?;
    native.set("maxFiles", request.files_bytes as f64)?;
    if let Some(input) = &request.input {
        native.set("input", input.get())?;
    }
    let run = run.clone();
    let print = move |is_error: bool, text: String| print(&run, &to, is_error, &text);
    native.set("print", Function::new(ctx.clone(), print)?)?;
    install_files(ctx, &native, files)?;
    let prelude: Function<'_> = ctx.eval(PRELUDE)?;
    prelude.call((native,))
}

fn install_files<'js>(ctx: &Ctx<'js>, native: &Object<'js>, files: &Files) -> Result<()> {
    let shared = files.clone();
    native.set("list", Function::new(ctx.clone(), move || shared.borrow().names())?)?;
    let shared = files.clone();
    let read = move |ctx: Ctx<'js>, name: String| {
        let data = or_throw(&ctx, shared.borrow().read(&name))?;
        Ok::<_, rquickjs::Error>(String::from_utf8_lossy(&data).into_owned())
    };
    native.set("read", Function::new(ctx.clone(), read)?)?;
    let shared = files.clone();
    let read_bytes = move |ctx: Ctx<'js>, name: String| {
        or_throw(&ctx, shared.borrow().read(&name)).map(|data| latin1(&data))
    };
    native.set("readBytes", Function::new(ctx.clone(), read_bytes)?)?;
    let shared = files.clone();
    let write = move |ctx: Ctx<'js>, name: String, text: String| {
        or_throw(&ctx, shared.borrow_mut().write(&name, text.into_bytes()))
    };
    native.set("write", Function::new(ctx.clone(), write)?)?;
    let shared = files.clone();
    let write_bytes = move |ctx: Ctx<'js>, name: String, text: String| {
        or_throw(&ctx, shared.borrow_mut().write(&name, from_latin1(&text)))
    };
    native.set("writeBytes", Function::new(ctx.clone(), write_bytes)?)?;
    let shared = files.clone();
    let remove =
        move |ctx: Ctx<'js>, name: String| or_throw(&ctx, shared.borrow_mut().remove(&name));
    native.set("remove", Function::new(ctx.clone(), remove)?)
}

/// A refusal, as an `Error` that the script can catch.
fn or_throw<T>(ctx: &Ctx<'_>, result: std::result::Result<T, String>) -> Result<T> {
    result.map_err(|message| Exception::throw_message(ctx, &message))
}

/// One character per byte.
fn latin1(data: &Bytes) -> String {
    data.iter().copied().map(char::from).collect()
}

fn from_latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// Sends output to the host, up to the limit; then the script ends.
fn print<W: Write>(run: &Run, to: &Rc<RefCell<W>>, is_error: bool, text: &str) {
    if run.limit_reached.get().is_some() {
        return;
    }
    let left = run.output_left.get();
    let fits = usize::try_from(left).unwrap_or(usize::MAX).min(text.len());
    let kind = if is_error { STDERR } else { STDOUT };
    let sent = protocol::write_frame(&mut *to.borrow_mut(), kind, &text.as_bytes()[..fits]);
    run.output_left.set(left - fits as u64);
    if fits < text.len() || sent.is_err() {
        run.limit_reached.set(Some(Status::OutputLimit));
    }
}
