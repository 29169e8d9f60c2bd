//! A Supabase for one machine, on SQLite: `auth/v1` and `rest/v1` behind a listener of their own.
//!
//! It exists so that a new user needs one command, no account and no Docker, and so that their front
//! end's own supabase-js works against it unchanged. It answers as real Supabase does, down to the
//! error bodies; what it does not implement it answers with Supabase's own errors.

mod db;
