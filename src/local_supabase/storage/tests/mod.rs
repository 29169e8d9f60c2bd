//! Requests as a client sends them.
