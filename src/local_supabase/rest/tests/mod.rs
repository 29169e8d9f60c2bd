//! Requests as a client sends them, answered by the whole of `rest`.

mod cases;
mod support;

mod reads;
