//! A user's own data: `/api/account`.

mod deletion;
pub mod model;
pub mod routes;
mod service;

pub use service::Accounts;
