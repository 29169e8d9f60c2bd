//! What scripts find besides the language, and the native functions behind `console` and `files`.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use rquickjs::{Ctx, Exception, FromJs, Function, Object, Result, TypedArray, Value};

use super::library::{self, from_base64};
use super::run::Run;
use super::workspace::Workspace;
use crate::model::Status;
use crate::protocol::{self, Request, STDERR, STDOUT};

const PRELUDE: &str = include_str!("library/prelude.js");

type Files = Rc<RefCell<Workspace>>;

/// What the worker calls of `prelude.js`.
pub(super) struct Prelude<'js> {
    /// Converts a value to JSON.
    pub(super) to_json: Function<'js>,
    /// Runs a timer that is due, or says when the next one is.
    pub(super) tick: Function<'js>,
    /// Notes a rejection, or that it has been handled.
    pub(super) rejected: Function<'js>,
    /// A rejection that nobody has handled.
    pub(super) unhandled: Function<'js>,
    /// Rewrites the imports of a script, which is no module.
    pub(super) rewrite_imports: Function<'js>,
}

impl<'js> FromJs<'js> for Prelude<'js> {
    fn from_js(_: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let functions: Object<'js> = value.get()?;
        Ok(Self {
            to_json: functions.get("toJson")?,
            tick: functions.get("tick")?,
            rejected: functions.get("rejected")?,
            unhandled: functions.get("unhandled")?,
            rewrite_imports: functions.get("rewriteImports")?,
        })
    }
}

/// Defines the globals.
pub(super) fn install<'js, W: Write + 'static>(
    ctx: &Ctx<'js>,
    request: &Request,
    run: &Rc<Run>,
    files: &Files,
    to: Rc<RefCell<W>>,
) -> Result<Prelude<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("maxOutput", request.output_bytes as f64)?;
    native.set("maxFiles", request.files_bytes as f64)?;
    if let Some(input) = &request.input {
        native.set("input", input.get())?;
    }
    let ended = run.clone();
    let exit = move |ctx: Ctx<'js>, code: i32| {
        ended.exit_code.set(Some(code));
        Err::<(), _>(Exception::throw_message(&ctx, "process.exit"))
    };
    native.set("exit", Function::new(ctx.clone(), exit)?)?;
    let run = run.clone();
    let print = move |is_error: bool, text: String| print(&run, &to, is_error, &text);
    native.set("print", Function::new(ctx.clone(), print)?)?;
    install_files(ctx, &native, files)?;
    library::install(ctx, &native)?;
    library::evaluate(ctx, PRELUDE)?.call((native,))
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
        let data = or_throw(&ctx, shared.borrow().read(&name))?;
        TypedArray::<'js, u8>::new_copy(ctx, &data)
    };
    native.set("readBytes", Function::new(ctx.clone(), read_bytes)?)?;
    let shared = files.clone();
    let write = move |ctx: Ctx<'js>, name: String, text: String| {
        or_throw(&ctx, shared.borrow_mut().write(&name, text.into_bytes()))
    };
    native.set("write", Function::new(ctx.clone(), write)?)?;
    let shared = files.clone();
    let write_bytes = move |ctx: Ctx<'js>, name: String, text: String| {
        or_throw(&ctx, shared.borrow_mut().write(&name, from_base64(&text)))
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

/// Sends output to the host, up to the limit; then the script ends.
fn print<W: Write>(run: &Run, to: &Rc<RefCell<W>>, is_error: bool, text: &str) {
    if run.has_ended() {
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
