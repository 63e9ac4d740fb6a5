//! Tokens, headers, and other ones while the client runs.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::{ClientCredentials, ServerOrder};
//! use driftless::{Client, Tokio};
//!
//! # async fn sign_in_again() -> Option<String> { None }
//! let client = Client::builder("wss://sync.example.com/sync")
//!     .repository("todos", ServerOrder)
//!     .token("secret")
//!     .header("X-Device", "phone-7")
//!     // Asked when the server refuses what it was shown, or it has expired.
//!     .refresh_credentials(|servers_sentence| async move {
//!         println!("{servers_sentence}");
//!         let token = sign_in_again().await?;
//!         Some(ClientCredentials { token: Some(token), headers: vec![("X-Device".into(), "phone-7".into())] })
//!     })
//!     .open(Tokio)
//!     .await?;
//! // Or whenever the application has others: shown on the connection that is open, without a new one.
//! client.update_auth_token("other").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where they are shown
//!
//! | | in the WebSocket handshake | in the `auth` message |
//! |---|---|---|
//! | token | `Authorization: Bearer TOKEN`, unless a header of yours is called so | `token` |
//! | header | as it is | as a field of its name |
//!
//! A header can never take the place of a field of the protocol: in `auth` one called `type` or `token`, in whatever case, is
//! left out; in the handshake `Host`, `Connection`, `Upgrade`, `Sec-WebSocket-…` and the like are refused by
//! [`open`](crate::ClientBuilder::open) and by the updates
//! ([`CredentialsError::Reserved`](crate::client::CredentialsError::Reserved)).
//!
//! Credentials are not stored, and not shown in `Debug` output. A [`Journal`](crate::client::Journal) has them.
//!
//! # Other ones
//!
//! | call | what it replaces |
//! |---|---|
//! | [`update_credentials`](crate::Client::update_credentials) | token and headers |
//! | [`update_auth_token`](crate::Client::update_auth_token) | the token |
//! | [`update_headers`](crate::Client::update_headers) | the headers |
//!
//! On a live connection the new ones are shown at once; nothing that is under way is lost. After a refusal they are what the
//! client waits for.
//!
//! # When they are refused
//!
//! The connection is [`AuthenticationFailed`](crate::client::Connection::AuthenticationFailed), with the server's sentence.
//! With [`refresh_credentials`](crate::ClientBuilder::refresh_credentials) the application is asked for others; if those are
//! refused as well it is asked again after [`Timing::reconnect_delay`](crate::core::client::Timing::reconnect_delay) (3 s),
//! which doubles. If it has none (`None`), or there is no callback, the client stays so until one of the updates; it does not
//! try the same again and again. Reading and writing go on; what is written waits in the outbox.
//!
//! # TLS
//!
//! `wss://` needs the feature `tls`, which is on by default. The client trusts the certificate authorities of the operating
//! system, or those that it is given:
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::Client;
//! use driftless::tls::Roots;
//!
//! let authority = std::fs::read("authority.pem")?;
//! let builder = Client::builder("wss://sync.internal/sync").roots(Roots::pem(&authority)?);
//! # Ok(())
//! # }
//! ```
