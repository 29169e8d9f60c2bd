//! Requests as a client sends them, answered as real Storage answered them.

mod support;

mod buckets;
mod move_copy;
mod downloads;
mod lists;
mod signed;
mod uploads;
