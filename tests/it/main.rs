//! The integration tests: real HTTP against the real router over the local Supabase.

mod support;
