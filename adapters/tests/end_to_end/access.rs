//! Credentials and rights.

use crate::world::{Todo, World, live, sees, soon, state, todo};
use driftless::client::{Connection, NotAcked};
use driftless::core::client::ClientCredentials;
use driftless::core::event::Json;
use driftless::core::server::{Access, AuthRefusal, Credentials, Grant, Rights};
use driftless::core::wire::ErrorCode;
use driftless::server::{Authenticator, Decision};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Lets in who shows one of two tokens; who shows `reader` may not write.
#[derive(Clone, Default)]
struct Tokens {
    shown: Arc<Mutex<Vec<String>>>,
}

impl Authenticator for Tokens {
    fn authenticate(&self, credentials: Credentials, decide: Decision) {
        let token = credentials.token.unwrap_or_default();
        self.shown.lock().unwrap().push(token.clone());
        let write = match &*token {
            "reader" => Access::Only(BTreeSet::new()),
            "writer" => Access::All,
            _ => return decide(Err(AuthRefusal::Refused("Who is that?".into()))),
        };
        let rights = Rights { write, ..Rights::all() };
        decide(Ok(Grant {
            subject: "somebody".into(),
            rights: Arc::new(rights),
            valid_for: None,
        }));
    }
}

pub(crate) async fn a_refused_token_is_refreshed_and_another_is_shown_on_the_live_connection(world: &mut World) {
    let tokens = Tokens::default();
    world.restart_with(tokens.clone()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let builder = world.builder().token("expired").refresh_credentials({
        let asked = asked.clone();
        move |sentence| {
            assert_eq!(sentence, "Who is that?");
            let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            let token = Some(if first { "wrong" } else { "reader" }.to_owned());
            async move {
                Some(ClientCredentials {
                    token,
                    headers: vec![("X-Device".into(), "7".into())],
                })
            }
        }
    });
    let client = world.open(builder).await;
    live(&client).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(client.is_connected());
    client.update_auth_token("writer").await.unwrap();
    let todos = client.repository::<Todo>("todos").unwrap();
    let receipt = todos.upsert(&todo("milk", 1)).await.unwrap();
    soon("the ack", receipt.acked()).await.unwrap();
    // On the same connection: the handshakes show `expired`, `wrong` and `reader`, the last `auth` `writer`.
    assert_eq!(*tokens.shown.lock().unwrap(), ["expired", "wrong", "reader", "writer"]);
    client.update_auth_token("nobody").await.unwrap();
    let refused = |state: &Connection| matches!(state, Connection::AuthenticationFailed { .. });
    state(&client, "the refusal", refused).await;
    client.stop().await;
}

pub(crate) async fn a_rejected_change_is_told_kept_retried_revised_and_dismissed(world: &mut World) {
    world.restart_with(Tokens::default()).await;
    let client = world.open(world.builder().token("reader")).await;
    let todos = client.repository::<Todo>("todos").unwrap();
    let mut rejected = Vec::new();
    for id in ["again", "other", "never"] {
        let receipt = todos.upsert(&todo(id, 1)).await.unwrap();
        let Err(NotAcked::Rejected(rejection)) = soon("the refusal", receipt.acked()).await else {
            panic!("{id} was not rejected");
        };
        assert_eq!(rejection.code, Some(ErrorCode::Forbidden));
        rejected.push(rejection);
    }
    // What is seen does not show it, and the outbox does not wait for it.
    assert_eq!(todos.get("again").await.unwrap(), None);
    soon("the flush", client.flush()).await.unwrap();
    assert_eq!(client.rejections().await.unwrap(), rejected);
    client.update_auth_token("writer").await.unwrap();
    let retried = client.retry(&rejected[0]).await.unwrap();
    let data = serde_json::to_string(&todo("other", 2)).unwrap();
    let revised = client.revise(&rejected[1], Json::parse(data).unwrap()).await.unwrap();
    soon("the ack of the retry", retried.acked()).await.unwrap();
    soon("the ack of the revision", revised.acked()).await.unwrap();
    assert_eq!(client.rejections().await.unwrap(), rejected[2..]);
    client.dismiss(&rejected[2]).await.unwrap();
    assert_eq!(client.rejections().await.unwrap(), []);
    assert!(client.dismiss(&rejected[2]).await.is_err());
    let other = world.open(world.builder().token("reader")).await;
    sees(
        &other,
        "what was written in the end",
        &[todo("again", 1), todo("other", 2)],
    )
    .await;
    client.stop().await;
    other.stop().await;
}
