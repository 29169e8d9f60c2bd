//! Requests as a client sends them, answered as real Storage answered them.

mod support;

mod buckets;
mod changes;
mod downloads;
mod lists;
mod signed;
mod uploads;
