//! A user's own data: `/api/account`.

mod deletion;
mod export;
mod import;
pub mod model;
pub mod routes;
mod service;

pub use service::Accounts;
