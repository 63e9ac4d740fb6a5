//! Which web pages may call the server.
//!
//! A browser says which page a request comes from (`Origin`, RFC 6454). With authentication on, any page may call: it
//! has to show a token, and no cookie is used. Without it only pages from this machine may, because otherwise any web
//! page could read a developer's open server. The rule is the same for HTTP and for a WebSocket, to which the browsers'
//! same-origin policy does not apply.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderValue, ORIGIN};
use std::net::{IpAddr, Ipv6Addr};

/// Which web pages may call.
#[derive(Clone, Debug)]
pub struct Origins {
    any: bool,
    named: Vec<String>,
    /// Whether requests must name this machine: the open server of one machine is not to be reached through a name
    /// that somebody else's DNS points at it.
    only_local_hosts: bool,
}

/// Why a text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: write SCHEME://HOST[:PORT] without a path, as a browser sends it, or `*`")]
pub struct OriginsError(String);

/// What a request's headers say about the page that it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// No page, or one that may call without a header that says so.
    Direct,
    /// A page that may call; the value of `Access-Control-Allow-Origin`.
    Page(HeaderValue),
    /// A page that may not.
    Refused,
    /// A host name that is not this machine's.
    OtherHost,
}

impl Origins {
    /// The rule for a server with (`authenticated`) or without authentication; `allowed` adds origins, or `*`.
    /// `loopback` says whether the server can be reached from this machine only.
    pub fn new(authenticated: bool, loopback: bool, allowed: &[String]) -> Result<Self, OriginsError> {
        let any = authenticated || allowed.iter().any(|origin| origin == "*");
        let named = allowed
            .iter()
            .filter(|origin| *origin != "*")
            .map(|origin| normal(origin).ok_or_else(|| OriginsError(origin.clone())))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            any,
            named,
            only_local_hosts: loopback && !any,
        })
    }

    /// Judges a request by its headers.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Caller {
        if self.any {
            return Caller::Page(HeaderValue::from_static("*"));
        }
        if !self.allows_host(headers) {
            return Caller::OtherHost;
        }
        match headers.get(ORIGIN) {
            None => Caller::Direct,
            Some(origin) if self.allows(origin) => Caller::Page(origin.clone()),
            Some(_) => Caller::Refused,
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Some(origin) = origin.to_str().ok() else {
            return false;
        };
        self.named.iter().any(|named| named.eq_ignore_ascii_case(origin))
            || host_of(origin).is_some_and(|host| is_loopback(host_name(host)))
    }

    fn allows_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        // HTTP/1.0 clients send none; browsers always do.
        let Some(host) = host.filter(|_| self.only_local_hosts) else {
            return true;
        };
        let name = host_name(host);
        let named = |origin: &String| host_of(origin).is_some_and(|named| host_name(named).eq_ignore_ascii_case(name));
        is_loopback(name) || is_address(name) || self.named.iter().any(named)
    }
}

/// The origin as browsers write it: without a slash at the end.
fn normal(origin: &str) -> Option<String> {
    let origin = origin.strip_suffix('/').unwrap_or(origin);
    let host = host_of(origin)?;
    let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) && HeaderValue::from_str(origin).is_ok();
    (origin == "null" || plain).then(|| origin.to_owned())
}

/// `HOST[:PORT]` of an origin. The origin `null`, of sandboxed pages and files, has itself.
fn host_of(origin: &str) -> Option<&str> {
    match origin.split_once("://") {
        Some((scheme, host)) => (!scheme.is_empty()).then_some(host),
        None => (origin == "null").then_some("null"),
    }
}

/// The host of `HOST[:PORT]`.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Names under `localhost` belong to the machine itself (RFC 6761 section 6.3).
fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let mapped = |address: Ipv6Addr| address.to_ipv4_mapped().is_some_and(|address| address.is_loopback());
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || mapped(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(allowed: &[&str]) -> Origins {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Origins::new(false, true, &allowed).unwrap()
    }

    fn judged(origins: &Origins, host: &str, origin: Option<&str>) -> Caller {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        origins.judge(&headers)
    }

    fn page(origin: &str) -> Caller {
        Caller::Page(origin.parse().unwrap())
    }

    #[test]
    fn without_authentication_only_pages_of_this_machine_may_call() {
        let origins = open(&[]);
        for origin in [
            "http://localhost:3000",
            "https://app.localhost",
            "http://127.0.0.1",
            "http://127.9.9.9:1",
            "http://[::1]:5173",
        ] {
            assert_eq!(judged(&origins, "localhost:8080", Some(origin)), page(origin));
        }
        for origin in [
            "https://example.com",
            "http://localhost.example.com",
            "http://example.com:127",
            "http://127.0.0.1.example.com",
            "null",
            "file://",
            "localhost",
        ] {
            assert_eq!(
                judged(&origins, "localhost:8080", Some(origin)),
                Caller::Refused,
                "{origin}"
            );
        }
        assert_eq!(judged(&origins, "localhost:8080", None), Caller::Direct);
    }

    #[test]
    fn configuration_names_others_or_all() {
        let origins = open(&["https://example.com/"]);
        let named = "https://example.com";
        assert_eq!(judged(&origins, "localhost", Some(named)), page(named));
        assert_eq!(
            judged(&origins, "localhost", Some("https://other.com")),
            Caller::Refused
        );
        assert_eq!(judged(&open(&["*"]), "any.com", Some("https://other.com")), page("*"));
        assert_eq!(judged(&open(&["null"]), "localhost", Some("null")), page("null"));
    }

    #[test]
    fn with_authentication_any_page_may_call() {
        let origins = Origins::new(true, true, &[]).unwrap();
        assert_eq!(judged(&origins, "any.com", Some("https://other.com")), page("*"));
        assert_eq!(judged(&origins, "any.com", None), page("*"));
    }

    #[test]
    fn a_foreign_name_for_this_machine_is_refused() {
        let origins = open(&["https://example.com"]);
        assert_eq!(judged(&origins, "rebound.example:8080", None), Caller::OtherHost);
        for host in [
            "localhost:8080",
            "127.0.0.1",
            "[::1]:8080",
            "192.168.0.7:8080",
            "example.com",
        ] {
            assert_eq!(judged(&origins, host, None), Caller::Direct, "{host}");
        }
        let reachable = Origins::new(false, false, &[]).unwrap();
        assert_eq!(judged(&reachable, "driftless:8080", None), Caller::Direct);
    }

    #[test]
    fn what_is_not_an_origin_is_told() {
        for wrong in ["", "example.com", "https://", "https://example.com/path", "https://a b"] {
            assert!(Origins::new(false, true, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
