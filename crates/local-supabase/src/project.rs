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

/// A bucket. It is created at the start where it is missing.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Its id and name.
    pub id: &'static str,
    /// Whether everybody may read what is in it.
    pub is_public: bool,
}
