//! `/rpc/…`: the functions of a project, in Rust, each in one transaction.

mod arguments;
mod binding;
mod call;
mod function;

pub use arguments::Arguments;
pub(super) use call::answer;
pub use function::{Function, FunctionBody, Parameter};
