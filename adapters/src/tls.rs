//! TLS for both ends, by rustls.

use crate::runtime::Socket;
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use futures_rustls::{TlsAcceptor, TlsConnector, client, server};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text holds no certificate in PEM.
    #[error("there is no certificate in it: PEM with BEGIN CERTIFICATE is expected")]
    NoCertificate,
    /// The text cannot be read as PEM, or holds no private key.
    #[error("it cannot be read as PEM: {0}")]
    Pem(String),
    /// The operating system has no certificate authorities, or they cannot be read.
    #[error("the system's certificate authorities cannot be read: {0}")]
    NoRoots(String),
    /// rustls refused a certificate or a key.
    #[error("TLS does not accept it: {0}")]
    Refused(String),
}

/// Whom a client trusts.
#[derive(Clone, Default)]
pub struct Roots(Option<Arc<[CertificateDer<'static>]>>);

impl Roots {
    /// The certificate authorities of the operating system. The default.
    pub fn system() -> Self {
        Self(None)
    }

    /// These certificate authorities and no others, in PEM.
    pub fn pem(text: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Some(certificates(text)?.into())))
    }

    /// What connects with these roots, for a protocol that the application speaks itself.
    pub fn connector(&self) -> Result<Connector, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.0 {
            Some(certificates) => {
                for certificate in certificates.iter() {
                    roots.add(certificate.clone()).map_err(refused)?;
                }
            }
            None => add_system(&mut roots)?,
        }
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Connector(Arc::new(config).into()))
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(certificates) => write!(f, "Roots({} of the application's)", certificates.len()),
            None => f.write_str("Roots(system)"),
        }
    }
}

/// Some systems have one that nobody can read beside all others; what counts is that there are any.
fn add_system(roots: &mut RootCertStore) -> Result<(), TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(());
    }
    let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let none = "there are none".to_owned();
    Err(TlsError::NoRoots(if reasons.is_empty() {
        none
    } else {
        reasons.join(", ")
    }))
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| TlsError::Pem(error.to_string()))?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(found)
}

fn refused(error: impl fmt::Display) -> TlsError {
    TlsError::Refused(error.to_string())
}

/// A client's side of TLS. Cheap to clone.
#[derive(Clone)]
pub struct Connector(TlsConnector);

impl Connector {
    /// The handshake with `host`, a name or an address, which the peer's certificate has to name.
    pub async fn connect(&self, host: &str, socket: Box<dyn Socket>) -> io::Result<Box<dyn Socket>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = self.0.connect(name, socket).await?;
        Ok(Box::new(Tls::<client::TlsStream<_>>(stream)))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(..)")
    }
}

/// A server's certificate and key.
#[derive(Clone)]
pub struct Identity(TlsAcceptor);

impl Identity {
    /// A certificate with those that lead to its authority, and its private key, both in PEM.
    pub fn pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Pem(error.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(certificates(certificate)?, key)
            .map_err(refused)?;
        Ok(Self(Arc::new(config).into()))
    }

    /// The handshake with a client.
    pub(crate) async fn accept(&self, socket: Box<dyn Socket>) -> io::Result<Box<dyn Socket>> {
        let stream = self.0.accept(socket).await?;
        Ok(Box::new(Tls::<server::TlsStream<_>>(stream)))
    }
}

/// Without the key: it must not reach a log.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// A socket under TLS.
struct Tls<S>(S);

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Socket for Tls<S> {}

impl<S: AsyncRead + Unpin> AsyncRead for Tls<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tls<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
