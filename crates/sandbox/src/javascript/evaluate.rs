//! One script in a QuickJS runtime of its own.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::promise::{MaybePromise, PromiseState};
use rquickjs::{
    CatchResultExt, Context, Ctx, Error, FromJs, Function, Object, Promise, Runtime, Value,
};
use serde_json::value::RawValue;

use super::error::{self, SCRIPT};
use super::globals;
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
    let Ok(context) = Context::full(&runtime) else { return out_of_memory() };
    context.with(|ctx| {
        let ended = globals::install(&ctx, request, run, files, to)
            .and_then(|to_json| json(&to_json, value(&ctx, request, run)?, request, run));
        match ended.catch(&ctx) {
            Ok(ended) => ended,
            Err(caught) => {
                let (status, error) = error::from_caught(caught);
                Evaluation::failed(status, error)
            }
        }
    })
}

fn out_of_memory() -> Evaluation {
    let message = "There was not enough memory to start the script";
    Evaluation::failed(Status::MemoryLimit, ScriptError::new("MemoryError", message))
}

/// The value of the last expression. A promise is awaited, and pending jobs are run.
fn value<'js>(ctx: &Ctx<'js>, request: &Request, run: &Run) -> rquickjs::Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.promise = true;
    options.filename = Some(SCRIPT.into());
    let done: Promise<'js> = ctx.eval_with_options(request.code.as_str(), options)?;
    let done: Object<'js> = resolve_promise(ctx, done.into_value(), run)?;
    let value = resolve_promise(ctx, done.get("value")?, run)?;
    while !run.must_end() && ctx.execute_pending_job() {}
    Ok(value)
}

fn resolve_promise<'js, T: FromJs<'js>>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    run: &Run,
) -> rquickjs::Result<T> {
    let promise = MaybePromise::from_value(value);
    loop {
        if promise.state() != PromiseState::Pending {
            return promise.finish();
        }
        if run.must_end() || !ctx.execute_pending_job() {
            return Err(Error::WouldBlock);
        }
    }
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
