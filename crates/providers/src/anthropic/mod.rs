//! Anthropic's Messages API: `POST {base}/v1/messages`.

use clock::Clock;
use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::catalogue::{self, Capability, Model};
use crate::history;
use crate::http::{Http, secret_header};
use crate::registration::Registration;
use crate::settings::{Settings, SettingsError};
use crate::{
    Capabilities, Connection, EventStream, HostedTool, Provider, ProviderError, ProviderName,
    Request, reader,
};
use decoder::Decoder;
use name::NAME;
pub use settings::{AnthropicSettings, AuthHeader};

mod blocks;
mod decoder;
mod messages;
mod models;
mod name;
mod request;
mod server_tool;
mod settings;
mod thinking;
mod tool_choice;
mod usage;
mod wire;

const BASE_URL: &str = "https://api.anthropic.com";
const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// The largest image in a request, in bytes: 5 MiB of base64.
const MAX_IMAGE_BYTES: u64 = (5 << 20) / 4 * 3;
/// The longest side of an image, in pixels.
const MAX_IMAGE_SIDE: usize = 8_000;

/// The previous API version, in which models that support sampling still accept both parameters.
const SAMPLING_VERSION: &str = "2023-06-01";

pub(crate) fn register(
    settings: &Settings,
    clock: &Clock,
) -> Result<Vec<Registration>, SettingsError> {
    let registration = Registration::new(NAME).with_model_prefix("claude");
    let settings = &settings.anthropic;
    Ok(vec![match settings.endpoint.connection(BASE_URL, clock) {
        Some(connection) => registration.configured(Anthropic::new(
            connection,
            &settings.version,
            settings.auth_header,
        ))?,
        None => registration,
    }])
}

/// Anthropic, or a gateway that speaks its protocol.
#[derive(Debug)]
pub struct Anthropic {
    http: Http,
    version: HeaderValue,
    capabilities: Capabilities,
}

impl Anthropic {
    /// The API version that this module implements. It refuses `temperature` and `top_p` for every
    /// model.
    pub const VERSION: &str = settings::VERSION;

    /// Validates the settings without connecting. `version` is the `anthropic-version` to use,
    /// normally [`Self::VERSION`].
    pub fn new(
        connection: Connection,
        version: &str,
        auth_header: AuthHeader,
    ) -> Result<Self, ProviderError> {
        let version = HeaderValue::from_str(version)
            .map_err(|_| ProviderError::invalid(NAME, "version", "the version is not printable"))?;
        let key = connection.api_key.as_ref();
        let headers = match auth_header {
            AuthHeader::Authorization => secret_header(&NAME, AUTHORIZATION, "Bearer ", key),
            AuthHeader::XApiKey => {
                secret_header(&NAME, HeaderName::from_static("x-api-key"), "", key)
            }
        }?;
        let capabilities = Capabilities {
            is_vendor: connection.is_at(BASE_URL),
            describes_models: true,
            max_image_bytes: MAX_IMAGE_BYTES,
            max_image_side: Some(MAX_IMAGE_SIDE),
            default_model: Some(DEFAULT_MODEL),
            ..Capabilities::default()
        };
        Ok(Self { http: Http::new(NAME, connection, headers)?, version, capabilities })
    }

    async fn answer(&self, mut request: Request) -> Result<EventStream, ProviderError> {
        let model = catalogue::find_for(&NAME, &request.model);
        let samples = request::sampling(&mut request, model)?;
        let request = history::prepare(request, &NAME);
        let body = request::body(&request, model);
        let headers = self.headers(samples);
        let url = self.url("/messages");
        let response = self.http.post(&url, &headers, &body, &request).await?;
        reader::read(&self.http, response, Decoder::default()).await
    }

    fn headers(&self, samples: bool) -> HeaderMap {
        let sampling = HeaderValue::from_static(SAMPLING_VERSION);
        let version = if samples { sampling } else { self.version.clone() };
        HeaderMap::from_iter([(HeaderName::from_static("anthropic-version"), version)])
    }

    fn url(&self, path: &str) -> Url {
        let base = self.http.base_path().trim_end_matches("/messages").trim_end_matches("/v1");
        self.http.url(&format!("{base}/v1{path}"))
    }
}

impl Provider for Anthropic {
    fn name(&self) -> &ProviderName {
        &self.http.provider
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn hosts(&self, _: &HostedTool, model: &str) -> Result<(), &'static str> {
        let known = catalogue::find_for(&NAME, model).filter(|_| self.capabilities.is_vendor);
        let can = known.is_some_and(|model| model.can(Capability::Tools));
        if can { Ok(()) } else { Err("is not there for this model") }
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, ProviderError>> {
        Box::pin(self.answer(request))
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, ProviderError>> {
        Box::pin(self.models())
    }

    fn retries(&self) -> u64 {
        self.http.retries()
    }
}

#[cfg(test)]
mod tests;
