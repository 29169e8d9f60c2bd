//! The request headers that PostgREST understands.

mod media_type;
mod preferences;
mod profile;
mod range;
mod values;

pub(super) use media_type::MediaType;
pub(super) use preferences::{Missing, Preferences, Resolution, Return};
pub(super) use profile::check_profile;
pub(super) use range::Range;
