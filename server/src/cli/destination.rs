//! Where a URL leads, and the connection to it, with or without TLS.

use super::Failure;
use driftless::Tokio;
use driftless::runtime::Socket;
use driftless::tls::Roots;
use hyper::Uri;
use std::io;
use tokio::net::TcpStream;

/// The scheme of a URL without TLS, its scheme with it.
pub(crate) type Schemes = [&'static str; 2];

/// What WebSockets are addressed by (RFC 6455 section 3).
pub(crate) const WEBSOCKET: Schemes = ["ws", "wss"];

/// What HTTP is addressed by (RFC 9110 section 4.2).
pub(crate) const HTTP: Schemes = ["http", "https"];

/// Ports of a URL that names none, without TLS and with it.
const PORTS: [u16; 2] = [80, 443];

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    secure: bool,
}

impl Destination {
    pub(crate) fn of(url: &Uri, schemes: Schemes) -> Result<Self, Failure> {
        let found = url
            .scheme_str()
            .and_then(|found| schemes.iter().position(|one| *one == found));
        let (Some(index), Some(host)) = (found, url.host()) else {
            let [plain, secure] = schemes;
            let message = format!("{url}: write the URL as {plain}://HOST:PORT/PATH, or {secure}://");
            return Err(Failure::usage(message));
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(PORTS[index]),
            secure: index == 1,
        })
    }

    /// Connects. With TLS the certificate has to name the host, by an authority that the system trusts.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Socket>> {
        let socket = TcpStream::connect((&*self.host, self.port)).await?;
        socket.set_nodelay(true)?;
        let socket = Tokio::socket(socket);
        if self.secure {
            let connector = Roots::system().connector().map_err(io::Error::other)?;
            return connector.connect(&self.host, socket).await;
        }
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_host_and_a_port() {
        let lead = |url: &str, schemes| {
            let found = Destination::of(&url.parse().unwrap(), schemes).ok()?;
            Some((found.host, found.port, found.secure))
        };
        assert_eq!(lead("ws://a:1/sync", WEBSOCKET), Some(("a".into(), 1, false)));
        assert_eq!(lead("wss://a/sync", WEBSOCKET), Some(("a".into(), 443, true)));
        assert_eq!(lead("http://[::1]", HTTP), Some(("::1".into(), 80, false)));
        assert_eq!(lead("https://a", WEBSOCKET), None);
        assert_eq!(lead("/sync", HTTP), None);
    }
}
