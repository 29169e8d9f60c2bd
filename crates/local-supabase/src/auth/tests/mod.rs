//! Each case is one that was sent to real Supabase Auth 2.196, whose answer is expected here, with
//! ids, times and tokens masked.

mod account;
mod admin;
mod discovery;
mod logout;
mod refresh;
mod signup;
mod token;
