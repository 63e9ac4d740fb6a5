//! The one-shot commands against a server that speaks TLS.

use crate::support::process::{assert_failed, driftless, stdout};
use driftless::Tokio;
use driftless::server::{Listening, Server, ServerConfig};
use driftless::store::Memory;
use driftless::tls::Identity;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use tempfile::tempdir;

/// Runs a command whose system trusts one authority.
async fn trusting(authority: &Path, arguments: &[&str]) -> Output {
    let mut command = driftless(authority.parent().unwrap());
    command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
    command.args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn certificate() -> (String, Identity) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let text = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    let identity = Identity::pem(text.as_bytes(), key.as_bytes()).unwrap();
    (text, identity)
}

#[tokio::test]
async fn commands_speak_tls_with_a_server_that_the_system_trusts_and_with_no_other() {
    let folder = tempdir().unwrap();
    let (trusted, other) = (folder.path().join("trusted.pem"), folder.path().join("other.pem"));
    let (text, identity) = certificate();
    fs::write(&trusted, text).unwrap();
    fs::write(&other, certificate().0).unwrap();
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio).unwrap();
    let listening = Listening::bind(server, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let port = listening.address().unwrap().port();
    let running = tokio::spawn(listening.tls(identity).run(std::future::pending()));

    let url = format!("wss://localhost:{port}/sync");
    let push = [
        "push",
        "--url",
        &url,
        "--repository",
        "users",
        r#"{"eventId":"e","dataId":"a"}"#,
    ];
    let pushed = trusting(&trusted, &push).await;
    assert_eq!(stdout(&pushed), "{\"eventId\":\"e\",\"serverSequence\":1}\n");
    let tail = ["tail", "--url", &url, "--repository", "users", "--no-follow"];
    assert_eq!(stdout(&trusting(&trusted, &tail).await).lines().count(), 1);
    assert_failed(&trusting(&other, &tail).await, 5, "certificate");
    // It answers, though not what `driftless serve` would.
    let health = ["health", "--url", &format!("https://localhost:{port}")];
    assert_failed(&trusting(&trusted, &health).await, 5, "is not healthy");
    assert_failed(&trusting(&other, &health).await, 5, "certificate");
    running.abort();
}
