//! Whether each part of Supabase works at this moment. Nobody waits for a turn here: how busy this
//! server is says nothing about Supabase. That something answers is not enough: a gateway may have a page
//! of its own for every request.

use std::collections::HashMap;

use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::answer::{Answer, Reading};
use super::error::Repeat;
use super::service::Service;
use super::{Caller, Supabase, SupabaseError};

/// No answer to a probe is longer.
const MAX_BYTES: usize = 1 << 20;

type Array = Vec<IgnoredAny>;
type Object = HashMap<String, IgnoredAny>;

impl Supabase {
    /// PostgREST and PostgreSQL: reads no row of a table. Where strangers may not read the table at
    /// all, it is PostgreSQL that says so.
    pub async fn probe_rest(&self) -> Result<(), SupabaseError> {
        let probe = || self.probe::<Array>("/rest/v1/chats?select=id&limit=0", Service::PostgRest);
        let mut answered = probe().await;
        // The first request on a connection that has broken meanwhile fails.
        if answered.as_ref().is_err_and(|error| error.repeat != Repeat::Never) {
            answered = probe().await;
        }
        match answered {
            Err(error) if error.code.as_deref() == Some("42501") => Ok(()),
            answered => answered,
        }
    }

    /// Auth.
    pub async fn probe_auth(&self) -> Result<(), SupabaseError> {
        self.probe::<Object>("/auth/v1/health", Service::Auth).await
    }

    /// Storage, which has to ask its database for a list of buckets. A refusal is its word, too.
    pub async fn probe_storage(&self) -> Result<(), SupabaseError> {
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "statusCode")]
            status: Value,
        }
        let answer = self.ask_once("/storage/v1/bucket").await?;
        let refused = serde_json::from_slice::<Refusal>(&answer.body);
        let is_refusal = answer.status.is_client_error()
            && refused.is_ok_and(|refused| is_client_error(&refused.status));
        if is_refusal {
            return Ok(());
        }
        if answer.status.is_success() {
            return understood::<Array>(&answer);
        }
        Err(SupabaseError::from_storage(answer.status, &answer.body))
    }

    async fn probe<T: DeserializeOwned>(
        &self,
        path: &str,
        service: Service,
    ) -> Result<(), SupabaseError> {
        let answer = self.ask_once(path).await?;
        if answer.status.is_success() {
            understood::<T>(&answer)
        } else {
            Err(service.error(&answer))
        }
    }

    async fn ask_once(&self, path: &str) -> Result<Answer, SupabaseError> {
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let mut address = self.address(path);
        address.set_query(query);
        let request = self.inner.http.request(Method::GET, address);
        let reading = Reading::whole(Caller::Anon, MAX_BYTES);
        self.send_at_once(self.authorized(request, Caller::Anon)?, reading).await
    }
}

fn understood<T: DeserializeOwned>(answer: &Answer) -> Result<(), SupabaseError> {
    let parsed = serde_json::from_slice::<T>(&answer.body);
    parsed.map(drop).map_err(|error| SupabaseError::unreadable(error.to_string()))
}

/// Storage's own status, a text or a number; its HTTP status is 400 for nearly everything.
fn is_client_error(status: &Value) -> bool {
    let number = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    number.is_some_and(|status| (400..500).contains(&status) && status != 429)
}
