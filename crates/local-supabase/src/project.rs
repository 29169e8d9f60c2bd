//! The project that a local Supabase serves.

use crate::functions::Function;
use crate::schema::Schema;

/// A project: its schema, functions and buckets.
#[derive(Clone, Copy, Debug)]
pub struct Project {
    /// The tables.
    pub schema: &'static Schema,
    /// The functions behind `/rest/v1/rpc/`.
    pub functions: &'static [Function],
    /// Buckets that are created when the folder is opened, if missing.
    pub buckets: &'static [Bucket],
}

/// A bucket of Storage.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Its id and name.
    pub id: &'static str,
    /// Whether its objects can be read without an access token.
    pub is_public: bool,
}
