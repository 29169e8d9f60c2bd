//! The parts of a project that requests use.

use crate::functions::{CheckUser, Function};
use crate::schema::Schema;

/// What of a project requests meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenProject {
    pub(crate) schema: &'static Schema,
    pub(crate) functions: &'static [Function],
    pub(crate) check_user: Option<CheckUser>,
}
