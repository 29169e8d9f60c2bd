//! What makes a local Supabase a project of its own.

use crate::functions::Function;
use crate::schema::Schema;

/// A project: its schema, functions and buckets.
#[derive(Clone, Copy, Debug)]
pub struct Project {
    /// The tables.
    pub schema: &'static Schema,
    /// The functions that `/rpc/` calls.
    pub functions: &'static [Function],
    /// The buckets that there are from the start.
    pub buckets: &'static [Bucket],
}

/// What of a project requests meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenProject {
    pub(crate) schema: &'static Schema,
    pub(crate) functions: &'static [Function],
}

impl From<Project> for OpenProject {
    fn from(Project { schema, functions, .. }: Project) -> Self {
        Self { schema, functions }
    }
}

/// A bucket. It is created at the start where it is missing.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Its id and name.
    pub id: &'static str,
    /// Whether everybody may read what is in it.
    pub is_public: bool,
}
