//! `chat-backend health`: whether the server that runs with these settings is ready. A container's health
//! check, which then needs no other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::Value;

use crate::config::Config;

/// The timeout of the request, below the one that container engines have.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks `/health/ready`. The answer is one line, as is the reason why the server is not ready.
pub async fn run(config: &Config) -> Result<String, String> {
    let url = url(config)?;
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
    let client = client.map_err(|error| error.to_string())?;
    let response = client.get(&url).send().await.map_err(|_| {
        format!("no server answers at {url}: it is not running, or with another HOST or PORT")
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok("ready\n".to_owned());
    }
    let problem: Value = response.json().await.unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("it does not say why");
    Err(format!("the server is not ready ({}): {detail}", status.as_u16()))
}

fn url(config: &Config) -> Result<String, String> {
    let (host, port) = &config.listen;
    if *port == 0 {
        return Err("PORT is 0, so the server's port is not known here".to_owned());
    }
    // A server that listens everywhere is asked on this machine.
    let host = match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.clone(),
    };
    Ok(format!("http://{host}:{port}/health/ready"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_server_is_asked() {
        let url = |host: &str, port: &str| {
            let settings = [("HOST", host), ("PORT", port)];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
            url(&Config::from_variables(&settings.into()).unwrap())
        };
        for (host, expected) in [
            ("127.0.0.1", "http://127.0.0.1:80/health/ready"),
            ("0.0.0.0", "http://127.0.0.1:80/health/ready"),
            ("::", "http://[::1]:80/health/ready"),
            ("192.0.2.7", "http://192.0.2.7:80/health/ready"),
            ("2001:db8::7", "http://[2001:db8::7]:80/health/ready"),
            ("api.internal", "http://api.internal:80/health/ready"),
        ] {
            assert_eq!(url(host, "80").as_deref(), Ok(expected));
        }
        assert!(url("0.0.0.0", "0").is_err());
    }
}
