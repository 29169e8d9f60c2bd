//! `/api/tools`: what belongs to the operator's tools.

pub mod oauth;
pub mod schema;
