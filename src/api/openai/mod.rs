//! OpenAI's API, as its SDKs speak it: `/v1`. Nothing but usage is stored. The key is the user's access
//! token, and the caller runs the tools.

pub mod chunk;
mod completion;
mod encoder;
mod messages;
pub mod model;
mod request;
pub mod responses;
pub mod routes;
mod start;
mod tools;
