//! The provider's name.

use crate::ProviderName;

pub(super) const NAME: ProviderName = ProviderName::from_static("gemini");
