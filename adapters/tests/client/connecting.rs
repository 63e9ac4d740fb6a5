//! Connecting, losing the connection, and giving up on servers that do not answer.

use super::peer::Peers;
use super::{DEADLINE, builder, quick, soon, told, told_state};
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use driftless::Tokio;
use driftless::client::{Client, OpenError, UrlError};
use driftless::core::client::{ClientCredentials, ConnectionState, Notice, ServerOrder, Timing};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_handshake_and_auth_carry_the_token_and_the_headers() {
    let peers = Peers::listen().await;
    let client = builder(&peers)
        .token("secret")
        .header("X-Device", "7")
        .open(Tokio)
        .await
        .unwrap();
    let mut peer = peers.accept().await;
    assert_eq!(peer.headers["authorization"], "Bearer secret");
    assert_eq!(peer.headers["x-device"], "7");
    let auth = peer.authenticate().await;
    assert_eq!((&auth["token"], &auth["X-Device"]), (&json!("secret"), &json!("7")));
    client.stop().await;
}

#[tokio::test]
async fn the_connection_is_told_from_offline_to_live_and_back() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    told_state(&mut feed, "live", |state| *state == ConnectionState::Live).await;
    let close = CloseFrame {
        code: CloseCode::Restart,
        reason: "stopping".into(),
    };
    peer.socket.close(Some(close)).await.unwrap();
    told_state(&mut feed, "offline", |state| {
        matches!(state, ConnectionState::Offline { retry_in: Some(_) })
    })
    .await;
    let _peer = peers.accept_live(0).await;
    told_state(&mut feed, "live again", |state| *state == ConnectionState::Live).await;
    client.stop().await;
    told_state(&mut feed, "stopped", |state| {
        *state == ConnectionState::Offline { retry_in: None }
    })
    .await;
    while soon("the end", feed.next()).await.is_some() {}
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_left_in_time() {
    let peers = Peers::listen().await;
    let timing = Timing {
        connect_timeout: Duration::from_millis(50),
        ..quick()
    };
    let client = builder(&peers).timing(timing).open(Tokio).await.unwrap();
    let _silent = peers.accept_raw().await;
    let _next = peers.accept_raw().await;
    client.stop().await;
}

#[tokio::test]
async fn a_server_that_never_answers_auth_is_left_in_time() {
    let peers = Peers::listen().await;
    let timing = Timing {
        auth_timeout: Duration::from_millis(50),
        ..quick()
    };
    let client = builder(&peers).timing(timing).open(Tokio).await.unwrap();
    let mut silent = peers.accept().await;
    silent.expect("auth").await;
    let mut next = peers.accept().await;
    next.expect("auth").await;
    client.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let peers = Peers::listen().await;
    let url = peers.url();
    drop(peers);
    let client = Client::builder(url).repository("users", ServerOrder).timing(quick());
    let (client, mut feed) = client.open_with_feed(Tokio, 64).await.unwrap();
    for _ in 0..3 {
        told_state(&mut feed, "another attempt", |state| {
            *state == ConnectionState::Connecting
        })
        .await;
    }
    client.stop().await;
}

#[tokio::test]
async fn refused_credentials_wait_for_others() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).token("old").open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept().await;
    peer.expect("auth").await;
    let refusal = json!({ "type": "error", "code": "auth_failed", "retryable": true, "message": "the token is wrong" });
    peer.send(&refusal).await;
    let refused = |state: &ConnectionState| matches!(state, ConnectionState::AuthenticationFailed { .. });
    told_state(&mut feed, "the refusal", refused).await;
    let credentials = ClientCredentials {
        token: Some("new".to_owned()),
        headers: Vec::new(),
    };
    client.update_credentials(credentials).await.unwrap();
    let mut peer = peers.accept().await;
    assert_eq!(peer.headers["authorization"], "Bearer new");
    assert_eq!(peer.authenticate().await["token"], "new");
    client.stop().await;
}

#[tokio::test]
async fn a_proxy_that_refuses_the_credentials_is_as_the_server() {
    let peers = Peers::listen().await;
    let builder = builder(&peers).token("old").refresh_credentials(|_| async {
        let token = Some("new".to_owned());
        let headers = Vec::new();
        Some(ClientCredentials { token, headers })
    });
    let (client, mut feed) = builder.open_with_feed(Tokio, 64).await.unwrap();
    let mut proxy = peers.accept_raw().await;
    assert!(proxy.read(&mut [0; 4096]).await.unwrap() > 0);
    proxy
        .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let refused = |state: &ConnectionState| matches!(state, ConnectionState::AuthenticationFailed { .. });
    told_state(&mut feed, "the refusal", refused).await;
    let mut peer = peers.accept().await;
    assert_eq!(peer.authenticate().await["token"], "new");
    client.stop().await;
}

#[tokio::test]
async fn a_client_stops_in_time_beside_a_server_that_ignores_its_close() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let _deaf = peers.accept_live(0).await;
    told_state(&mut feed, "live", |state| *state == ConnectionState::Live).await;
    let start = Instant::now();
    soon("the stop", client.stop()).await;
    assert!(start.elapsed() < DEADLINE / 2);
}

#[tokio::test]
async fn a_client_stops_when_its_last_handle_is_dropped() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let other = client.clone();
    drop(client);
    told(&mut feed, "storage", |notice| (notice == Notice::Opened).then_some(())).await;
    drop(other);
    while soon("the end", feed.next()).await.is_some() {}
}

#[tokio::test]
async fn what_makes_no_client_is_refused_before_anything_is_opened() {
    let error = |url: &str, repository: &str, token: &str| {
        let builder = Client::builder(url).repository(repository, ServerOrder).token(token);
        async { builder.open(Tokio).await.unwrap_err() }
    };
    let scheme = error("http://example.org/sync", "users", "t").await;
    assert!(matches!(scheme, OpenError::Url(UrlError::Scheme(_))), "{scheme}");
    let name = error("ws://localhost/sync", "_users", "t").await;
    assert!(matches!(name, OpenError::Repository { .. }), "{name}");
    let token = error("ws://localhost/sync", "users", "a\nb").await;
    assert!(matches!(token, OpenError::Credentials(_)), "{token}");
}
