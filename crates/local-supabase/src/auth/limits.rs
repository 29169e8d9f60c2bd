//! How many sign-ups and sign-ins one address, and all together, may ask for. Generous for a test
//! suite, yet no page and no script can fill the disk with users or keep the cores hashing passwords.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::AuthError;
use crate::context::Context;

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// Of one address, at once and then per minute: new users, passwords, mails.
const SIGN_INS: (NonZeroU32, NonZeroU32) = (ONE.saturating_add(299), ONE.saturating_add(59));
/// The same for refresh tokens.
const REFRESHES: (NonZeroU32, NonZeroU32) = (ONE.saturating_add(599), ONE.saturating_add(299));
/// How many addresses' worth all have together.
const ADDRESSES: NonZeroU32 = ONE.saturating_add(3);
/// Addresses remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;

/// Whose sign-ins a request counts among. The host of the listener puts it into the extensions of
/// requests: behind a proxy only the host knows who sent one, and of IPv6 it gives one address for the
/// network that a household gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The limits, shared by all requests.
pub(crate) struct AuthLimits {
    sign_ins: Limit,
    refreshes: Limit,
}

struct Limit {
    of_address: DefaultKeyedRateLimiter<IpAddr>,
    of_all: DefaultDirectRateLimiter,
}

impl AuthLimits {
    pub(crate) fn new() -> Self {
        Self { sign_ins: Limit::new(SIGN_INS), refreshes: Limit::new(REFRESHES) }
    }
}

impl Limit {
    fn new((at_once, per_minute): (NonZeroU32, NonZeroU32)) -> Self {
        let quota = |times: NonZeroU32| {
            Quota::per_minute(per_minute.saturating_mul(times))
                .allow_burst(at_once.saturating_mul(times))
        };
        Self {
            of_address: RateLimiter::keyed(quota(ONE)),
            of_all: RateLimiter::direct(quota(ADDRESSES)),
        }
    }

    /// Whether one more is allowed; it is counted then.
    fn allows(&self, address: IpAddr) -> bool {
        if self.of_address.len() >= REMEMBERED {
            self.of_address.retain_recent();
        }
        self.of_address.check_key(&address).is_ok() && self.of_all.check().is_ok()
    }
}

/// Refuses what is too much, as GoTrue does.
pub(super) async fn count(
    State(context): State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let limits = &context.auth_limits;
    let limit = match (request.method(), request.uri().path()) {
        (&Method::POST, "/token") if is_refresh(&request) => &limits.refreshes,
        (&Method::POST, "/signup" | "/token" | "/otp" | "/magiclink" | "/recover" | "/resend")
        | (&Method::POST | &Method::GET, "/verify")
        | (&Method::PUT, "/user") => &limits.sign_ins,
        _ => return next.run(request).await,
    };
    match limit.allows(client_address(&request)) {
        true => next.run(request).await,
        false => AuthError::too_many().into_response(),
    }
}

/// What comes without an address comes from this machine.
fn client_address(request: &Request) -> IpAddr {
    let address = request.extensions().get().copied();
    address.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ClientAddress(address)| address)
}

fn is_refresh(request: &Request) -> bool {
    request.uri().query().is_some_and(|query| query.contains("grant_type=refresh_token"))
}
