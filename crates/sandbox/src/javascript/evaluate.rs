//! One script in a QuickJS runtime of its own.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use rquickjs::context::EvalOptions;
use rquickjs::promise::{MaybePromise, PromiseState};
use rquickjs::{
    CatchResultExt, Context, Ctx, Error, Function, Object, Persistent, Promise, Runtime, Value,
};
use serde_json::value::RawValue;

use super::error::{self, SCRIPT};
use super::globals::{self, Prelude};
use super::run::Run;
use super::workspace::Workspace;
use crate::model::{ScriptError, Status};
use crate::protocol::Request;

/// The native stack size of a script; deeper recursion is a `RangeError`.
const STACK_BYTES: usize = 1 << 20;

/// How a script ended by itself.
pub(super) struct Evaluation {
    pub(super) status: Status,
    pub(super) result: Option<Box<RawValue>>,
    pub(super) error: Option<ScriptError>,
}

impl Evaluation {
    fn failed(status: Status, error: ScriptError) -> Self {
        Self { status, result: None, error: Some(error) }
    }
}

/// Runs the script to its end.
pub(super) fn evaluate<W: Write + 'static>(
    request: &Request,
    run: &Rc<Run>,
    files: &Rc<RefCell<Workspace>>,
    to: Rc<RefCell<W>>,
) -> Evaluation {
    let (Ok(runtime), watched) = (Runtime::new(), run.clone()) else { return out_of_memory() };
    runtime.set_memory_limit(usize::try_from(request.memory_bytes).unwrap_or(usize::MAX));
    runtime.set_max_stack_size(STACK_BYTES);
    runtime.set_interrupt_handler(Some(Box::new(move || watched.must_end())));
    let rejected = track_rejections(&runtime);
    let Ok(context) = Context::full(&runtime) else { return out_of_memory() };
    let ended = context.with(|ctx| {
        let ended = globals::install(&ctx, request, run, files, to).and_then(|prelude| {
            rejected.replace(Some(Persistent::save(&ctx, prelude.rejected.clone())));
            let value = value(&ctx, request, &prelude, run)?;
            json(&prelude.to_json, value, request, run)
        });
        // It must not outlive the runtime.
        rejected.replace(None);
        match ended.catch(&ctx) {
            Ok(ended) => ended,
            Err(caught) => {
                let (status, error) = error::from_caught(caught, &request.code);
                Evaluation::failed(status, error)
            }
        }
    });
    let threw_null = ended.error.as_ref().is_some_and(|error| error.message == error::THREW_NULL);
    // The engine throws null when there is no memory for an error; what had filled it may be gone by now.
    let is_full = || runtime.memory_usage().malloc_size > request.memory_bytes as i64 / 2;
    if threw_null && (!request.code.contains("null") || is_full()) {
        return Evaluation::failed(Status::MemoryLimit, error::out_of_memory());
    }
    ended
}

type RejectionHandler = Rc<RefCell<Option<Persistent<Function<'static>>>>>;

/// Notifies a function of the prelude of each rejection that nobody handles, or only later.
fn track_rejections(runtime: &Runtime) -> RejectionHandler {
    let handler = RejectionHandler::default();
    let shared = handler.clone();
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        move |ctx, promise, reason, is_handled| {
            let Some(handler) = shared.borrow().clone() else { return };
            let handled = handler
                .restore(&ctx)
                .and_then(|handler| handler.call::<_, ()>((promise, reason, is_handled)));
            if handled.is_err() {
                ctx.catch();
            }
        },
    )));
    handler
}

fn out_of_memory() -> Evaluation {
    let message = "There was not enough memory to start the script";
    Evaluation::failed(Status::MemoryLimit, ScriptError::new("MemoryError", message))
}

/// The value of the last expression. A promise is awaited, and timers and pending jobs are run.
fn value<'js>(
    ctx: &Ctx<'js>,
    request: &Request,
    prelude: &Prelude<'js>,
    run: &Run,
) -> rquickjs::Result<Value<'js>> {
    let done = match start(ctx, &request.code) {
        Err(Error::Exception) => start_without_imports(ctx, request, prelude)?,
        done => done?,
    };
    let done = await_value(ctx, done.into_value(), prelude, run)?;
    let value = done.get::<Object<'js>>()?.get("value")?;
    let value = await_value(ctx, value, prelude, run)?;
    while advance(ctx, prelude, run)? {}
    Ok(value)
}

fn start<'js>(ctx: &Ctx<'js>, code: &str) -> rquickjs::Result<Promise<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.promise = true;
    options.filename = Some(SCRIPT.into());
    ctx.eval_with_options(code, options)
}

/// A script is no module. One that is refused for its imports gets them in another way.
fn start_without_imports<'js>(
    ctx: &Ctx<'js>,
    request: &Request,
    prelude: &Prelude<'js>,
) -> rquickjs::Result<Promise<'js>> {
    let refusal = ctx.catch();
    if request.code.contains("import") || request.code.contains("export") {
        let code: String = prelude.rewrite_imports.call((request.code.as_str(),))?;
        if code != request.code {
            return start(ctx, &code);
        }
    }
    Err(ctx.throw(refusal))
}

/// What a promise is fulfilled with; other values as they are.
fn await_value<'js>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    prelude: &Prelude<'js>,
    run: &Run,
) -> rquickjs::Result<Value<'js>> {
    let promise = MaybePromise::from_value(value);
    while promise.state() == PromiseState::Pending {
        if !advance(ctx, prelude, run)? {
            return Err(Error::WouldBlock);
        }
    }
    promise.finish()
}

/// Runs pending jobs, then one timer; false if there is nothing left to run.
fn advance<'js>(ctx: &Ctx<'js>, prelude: &Prelude<'js>, run: &Run) -> rquickjs::Result<bool> {
    let mut has_run = false;
    while !run.must_end() && ctx.execute_pending_job() {
        has_run = true;
    }
    if run.must_end() {
        return Ok(false);
    }
    let unhandled: Value<'js> = prelude.unhandled.call(())?;
    if let Some(unhandled) = unhandled.as_object() {
        let reason = unhandled.get("reason")?;
        return Err(ctx.throw(reason));
    }
    if has_run {
        return Ok(true);
    }
    let wait: f64 = prelude.tick.call(())?;
    if wait > 0.0 {
        thread::park_timeout(Duration::from_secs_f64(wait / 1000.0).min(run.left()));
    }
    Ok(wait >= 0.0)
}

/// The value as JSON; null if JSON cannot represent it.
fn json<'js>(
    to_json: &Function<'js>,
    value: Value<'js>,
    request: &Request,
    run: &Run,
) -> rquickjs::Result<Evaluation> {
    let text: Value<'js> = to_json.call((value,))?;
    let is_long = text.is_null();
    let text: Option<String> = text.get::<Option<String>>()?;
    if is_long || text.as_ref().is_some_and(|text| text.len() as u64 > request.output_bytes) {
        run.limit_reached.set(Some(Status::OutputLimit));
    }
    let result = text.and_then(|text| RawValue::from_string(text).ok());
    Ok(Evaluation { status: Status::Ok, result, error: None })
}
