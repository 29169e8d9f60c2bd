//! Tools of servers that speak the Model Context Protocol.

mod caller;
mod hostile;
mod oauth;
mod real;
mod recorded;
mod server;
mod sessions;
