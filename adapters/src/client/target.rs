//! Where the server is, and the handshake's request.

use super::error::{CredentialsError, OpenError, UrlError};
use crate::runtime::Socket;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::client::Request;
use async_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use async_tungstenite::tungstenite::http::{Uri, uri::Scheme};
use driftless_core::client::ClientCredentials;

/// The port of `ws://` without one (RFC 6455 section 3).
const DEFAULT_PORT: u16 = 80;

/// The port of `wss://` without one (RFC 6455 section 3).
const DEFAULT_TLS_PORT: u16 = 443;

/// Headers that the handshake or HTTP itself sets; a second one would break it.
const RESERVED: [&str; 5] = ["connection", "content-length", "host", "transfer-encoding", "upgrade"];

/// What the names of the handshake's own headers begin with.
const RESERVED_PREFIX: &str = "sec-websocket-";

/// A server's address.
#[derive(Clone)]
pub(super) struct Target {
    uri: Uri,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What does TLS, for `wss://`.
    #[cfg(feature = "tls")]
    connector: Option<crate::tls::Connector>,
}

/// Whom a connection trusts; nobody is asked without TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    #[cfg(feature = "tls")]
    pub(super) roots: crate::tls::Roots,
}

impl Target {
    pub(super) fn parse(url: &str, trust: &Trust) -> Result<Self, OpenError> {
        let unreadable = || UrlError::Unreadable(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| unreadable())?;
        let secure = match uri.scheme().map(Scheme::as_str) {
            Some("ws") => false,
            Some("wss") => true,
            Some(_) => return Err(UrlError::Scheme(url.to_owned()).into()),
            None => return Err(unreadable().into()),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(unreadable().into());
        }
        // A port that is none is not read as one.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let names_port = authority
            .rsplit(['@', ']'])
            .next()
            .is_some_and(|rest| rest.contains(':'));
        if names_port && uri.port_u16().is_none() {
            return Err(unreadable().into());
        }
        let default_port = if secure { DEFAULT_TLS_PORT } else { DEFAULT_PORT };
        let port = uri.port_u16().unwrap_or(default_port);
        #[cfg(not(feature = "tls"))]
        if secure {
            let Trust {} = trust;
            return Err(UrlError::Tls(url.to_owned()).into());
        }
        Ok(Self {
            uri,
            host,
            port,
            #[cfg(feature = "tls")]
            connector: secure.then(|| trust.roots.connector()).transpose()?,
        })
    }

    /// The socket under TLS where the address asks for it.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_async, clippy::unused_self, reason = "TLS takes time")
    )]
    pub(super) async fn secure(&self, socket: Box<dyn Socket>) -> Result<Box<dyn Socket>, String> {
        #[cfg(feature = "tls")]
        if let Some(connector) = &self.connector {
            let secured = connector.connect(&self.host, socket).await;
            return secured.map_err(|error| format!("TLS with {} failed: {error}", self.host));
        }
        Ok(socket)
    }

    /// The handshake's request. What a header cannot carry is left out: it is in `auth` all the same.
    pub(super) fn request(&self, credentials: &ClientCredentials) -> Option<Request> {
        let mut request = self.uri.clone().into_client_request().ok()?;
        let headers = headers(credentials).unwrap_or_default();
        request.headers_mut().extend(headers);
        Some(request)
    }
}

/// The headers of the handshake, or which of the credentials is none.
pub(super) fn headers(credentials: &ClientCredentials) -> Result<HeaderMap, CredentialsError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &credentials.headers {
        let unfit = || CredentialsError::Header(name.clone());
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        // A field's name is in lower case.
        if RESERVED.contains(&field.as_str()) || field.as_str().starts_with(RESERVED_PREFIX) {
            return Err(CredentialsError::Reserved(name.clone()));
        }
        let value = HeaderValue::from_str(value).map_err(|_| unfit())?;
        headers.append(field, value);
    }
    // A header of the application's own says more than the token.
    if let Some(token) = credentials
        .token
        .as_ref()
        .filter(|_| !headers.contains_key(AUTHORIZATION))
    {
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| CredentialsError::Token)?;
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let target = |url: &str| match Target::parse(url, &Trust::default()) {
            Ok(target) => Ok((target.host, target.port)),
            Err(OpenError::Url(error)) => Err(error),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(target("ws://localhost:8080/sync"), Ok(("localhost".into(), 8080)));
        assert_eq!(target("ws://[::1]:9/sync/tenant"), Ok(("::1".into(), 9)));
        assert_eq!(target("ws://example.org"), Ok(("example.org".into(), 80)));
        #[cfg(not(feature = "tls"))]
        assert!(matches!(target("wss://example.org"), Err(UrlError::Tls(_))));
        assert!(matches!(target("http://example.org"), Err(UrlError::Scheme(_))));
        for bad in [
            "ws://localhost:80800",
            "ws://[::1]:x/",
            "ws://h:",
            "",
            "localhost:8080",
            "/sync",
            "ws://",
            "ws:// x",
        ] {
            assert!(
                matches!(target(bad), Err(UrlError::Unreadable(_) | UrlError::Scheme(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn credentials_become_headers() {
        let credentials = |token: &str, name: &str, value: &str| ClientCredentials {
            token: Some(token.to_owned()),
            headers: vec![(name.to_owned(), value.to_owned())],
        };
        let made = headers(&credentials("secret", "X-Device", "7")).unwrap();
        assert_eq!(
            (&made["authorization"], &made["x-device"]),
            (&"Bearer secret".parse().unwrap(), &"7".parse().unwrap())
        );
        let own = headers(&credentials("secret", "Authorization", "Basic x")).unwrap();
        assert_eq!(own.get_all("authorization").iter().collect::<Vec<_>>(), ["Basic x"]);
        assert_eq!(headers(&credentials("a\nb", "x", "y")), Err(CredentialsError::Token));
        assert_eq!(
            headers(&credentials("a", "ä", "y")),
            Err(CredentialsError::Header("ä".into()))
        );
        assert_eq!(
            headers(&credentials("a", "x", "\n")),
            Err(CredentialsError::Header("x".into()))
        );
        for reserved in ["Host", "Sec-WebSocket-Key", "UPGRADE"] {
            let refused = headers(&credentials("a", reserved, "y"));
            assert_eq!(refused, Err(CredentialsError::Reserved(reserved.into())));
        }
    }
}
