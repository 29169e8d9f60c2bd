//! The security log: refused tokens, sign-ins and requests, decisions on tool calls, calls of administrators.
//! One line each, with the target `security`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::info;
use uuid::Uuid;

/// How many lines of one kind a minute may have. The next line says how many were left out.
const MAX_LINES: u32 = 120;
const MINUTE: Duration = Duration::from_secs(60);

/// The security log. Clones share its limits.
#[derive(Clone, Default)]
pub struct SecurityLog {
    windows: Arc<Mutex<HashMap<&'static str, Window>>>,
}

struct Window {
    began: Instant,
    lines: u32,
    suppressed: u32,
}

/// The user whose token a request had, a response extension.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedAs(pub Uuid);

/// A response, as the security log looks at it.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Answered<'a> {
    pub method: &'a Method,
    /// The route's pattern.
    pub route: &'a str,
    pub status: StatusCode,
    /// The code of the problem, where it is one.
    pub code: Option<&'a str>,
    pub user: Option<Uuid>,
    pub address: IpAddr,
    pub request_id: &'a str,
}

impl SecurityLog {
    /// Writes a line if there is something to say of this response.
    pub fn record(&self, answered: &Answered<'_>) {
        let Some(event) = event(answered) else { return };
        let Some(suppressed) = self.admit(event) else { return };
        let Answered { method, route, status, code, user, address, request_id } = answered;
        info!(
            target: "security",
            event,
            status = status.as_u16(),
            code = code.unwrap_or_default(),
            user = user.map(|user| user.to_string()).unwrap_or_default(),
            %address,
            request_id,
            suppressed,
            "{method} {route}"
        );
    }

    /// How many lines were left out before this one; none if this one is.
    fn admit(&self, event: &'static str) -> Option<u32> {
        let now = Instant::now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(event).or_insert(Window { began: now, lines: 0, suppressed: 0 });
        if now.duration_since(window.began) >= MINUTE {
            (window.began, window.lines) = (now, 0);
        }
        if window.lines >= MAX_LINES {
            window.suppressed += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

/// What has happened, if it belongs into the log.
fn event(answered: &Answered<'_>) -> Option<&'static str> {
    let Answered { method, route, status, code, .. } = answered;
    match (status.as_u16(), *code) {
        _ if route.starts_with("/api/admin/") => Some("admin_call"),
        (429, _) => Some("limited"),
        (400.., Some("sign_in_failed")) => Some("sign_in_failed"),
        // Whoever has none has not tried anything.
        (401, Some("token_missing")) => None,
        (401, _) => Some("token_refused"),
        (403, _) => Some("forbidden"),
        (421, _) => Some("host_refused"),
        _ if !status.is_success() => None,
        _ if **method == Method::DELETE && *route == "/api/account" => Some("account_deleted"),
        _ if **method == Method::POST && route.contains("/tool-calls/") => {
            Some("tool_call_decided")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn answered<'a>(route: &'a str, status: u16, code: Option<&'a str>) -> Answered<'a> {
        Answered {
            method: &Method::POST,
            route,
            status: StatusCode::from_u16(status).unwrap(),
            code,
            user: None,
            address: Ipv4Addr::LOCALHOST.into(),
            request_id: "1",
        }
    }

    #[test]
    fn only_what_matters_is_written() {
        for (route, status, code, expected) in [
            ("/api/chats/", 200, None, None),
            ("/api/chats/", 401, Some("token_missing"), None),
            ("/api/chats/", 401, Some("token_invalid"), Some("token_refused")),
            ("/api/chats/", 429, Some("rate_limited"), Some("limited")),
            ("/auth/v1/token", 400, Some("sign_in_failed"), Some("sign_in_failed")),
            ("/api/admin/usage", 200, None, Some("admin_call")),
            ("/api/admin/usage", 403, None, Some("admin_call")),
            ("/api/ai/chat/{chat_id}/tool-calls/{call_id}", 200, None, Some("tool_call_decided")),
            ("/api/ai/chat/{chat_id}/tool-calls/{call_id}", 404, None, None),
        ] {
            assert_eq!(event(&answered(route, status, code)), expected, "{route} {status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_counted_instead_of_written() {
        let log = SecurityLog::default();
        let written = (0..MAX_LINES + 5).filter(|_| log.admit("limited").is_some()).count();
        assert_eq!(written, MAX_LINES as usize);
        assert_eq!(log.admit("forbidden"), Some(0));
        tokio::time::advance(MINUTE).await;
        assert_eq!(log.admit("limited"), Some(5));
        assert_eq!(log.admit("limited"), Some(0));
    }
}
