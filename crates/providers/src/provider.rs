//! What a provider is.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::catalogue::Model;
use crate::{EventStream, ProviderError, ProviderName, Request};

/// A service that runs models.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> &ProviderName;

    /// What the provider as a whole can do.
    fn capabilities(&self) -> &Capabilities;

    /// Asks a model. Resolves when the provider has begun to answer; what fails before that is
    /// retried until `request.deadlines`. Dropping the stream cancels the provider's request.
    fn stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, ProviderError>>;

    /// Lists the models that the provider has. What its list does not say comes from the catalogue,
    /// where that knows the model.
    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, ProviderError>>;
}

/// What a provider as a whole can do, and what else decides how it is used.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Whether this is the vendor itself, whose models the catalogue describes, and not another server
    /// that speaks its protocol.
    pub is_vendor: bool,
    /// Whether the list of models says what each of them can do. If not, a model that the catalogue
    /// does not describe counts as able to do anything.
    pub describes_models: bool,
    /// Whether models that are not listed may be requested.
    pub accepts_unlisted_models: bool,
    /// Whether the answers are made up by this process, without any model.
    pub is_simulated: bool,
    /// The largest image in a request, in bytes.
    pub max_image_bytes: u64,
    /// The longest side of an image, in pixels, where there is a limit.
    pub max_image_side: Option<usize>,
    /// The model to ask when neither a request nor the settings name one.
    pub default_model: Option<&'static str>,
}

impl Default for Capabilities {
    /// Those of an unknown server that speaks another vendor's protocol.
    fn default() -> Self {
        Self {
            is_vendor: false,
            describes_models: false,
            accepts_unlisted_models: true,
            is_simulated: false,
            max_image_bytes: 20 << 20,
            max_image_side: None,
            default_model: None,
        }
    }
}
