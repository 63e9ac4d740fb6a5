//! Peers of other versions: the published server, a server of a later version, a client of a later version.

use crate::plain_server::{PlainServer, Script};
use crate::world::{Todo, World, live, sees, soon, todo};
use async_tungstenite::tokio::{TokioAdapter, accept_async, connect_async};
use async_tungstenite::tungstenite::{Message, Utf8Bytes};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use driftless::client::Connection;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn the_published_server_is_synced_with(world: &mut World) {
    let server = PlainServer::start("todos", Script::default());
    let (one, other) = (
        world.open(world.builder_of(&server.url)).await,
        world.open(world.builder_of(&server.url)).await,
    );
    let todos = one.repository::<Todo>("todos").unwrap();
    let receipt = todos.upsert(&todo("a", 1)).await.unwrap();
    soon("the ack, which has no sequence", receipt.acked()).await.unwrap();
    sees(&other, "what the first wrote", &[todo("a", 1)]).await;
    server.cut();
    for rank in 0..150 {
        todos.upsert(&todo("b", rank)).await.unwrap();
    }
    soon("the flush", one.flush()).await.unwrap();
    sees(&other, "the last of many", &[todo("a", 1), todo("b", 149)]).await;
    server.happen(json!({
        "_event_id": "of another", "_operation": 2, "_created_at": "2025-01-23T10:00:00Z", "_data_id": "a",
    }));
    sees(&one, "another's delete", &[todo("b", 149)]).await;
    assert_eq!(server.log().len(), 152);
    one.stop().await;
    other.stop().await;
}

pub(crate) async fn a_server_of_a_later_version_is_understood(world: &mut World) {
    let url = later_version_of(world).await;
    let (through, direct) = (world.open(world.builder_of(&url)).await, world.client().await);
    live(&through).await;
    let todos = through.repository::<Todo>("todos").unwrap();
    let receipt = todos.upsert(&todo("a", 1)).await.unwrap();
    soon("the ack", receipt.acked()).await.unwrap();
    sees(&direct, "what came through", &[todo("a", 1)]).await;
    let theirs = direct.repository::<Todo>("todos").unwrap();
    for rank in 0..20 {
        theirs.upsert(&todo("b", rank)).await.unwrap();
    }
    sees(&through, "what came the other way", &[todo("a", 1), todo("b", 19)]).await;
    // On one connection all the while.
    assert_eq!(through.connection_state(), Connection::Live);
    through.stop().await;
    direct.stop().await;
}

/// Stands before the server and says what a later version might: fields and types of messages that nobody knows yet.
async fn later_version_of(world: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, server) = (listener.local_addr().unwrap(), world.url());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(client) = accept_async(socket).await else {
                continue;
            };
            let (server, _) = connect_async(&server).await.unwrap();
            let ((to_client, from_client), (to_server, from_server)) = (client.split(), server.split());
            tokio::spawn(pass(from_client, to_server, |frame| vec![frame.clone()]));
            tokio::spawn(pass(from_server, to_client, in_later_words));
        }
    });
    format!("ws://{address}/sync")
}

type Socket = TokioAdapter<TcpStream>;

async fn pass<S, T>(mut from: WebSocketReceiver<S>, mut to: WebSocketSender<T>, say: fn(&Utf8Bytes) -> Vec<Utf8Bytes>)
where
    S: futures_io::AsyncRead + futures_io::AsyncWrite + Unpin,
    T: futures_io::AsyncRead + futures_io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = from.next().await {
        let frames = match message {
            Message::Text(text) => say(&text).into_iter().map(Message::Text).collect(),
            other => vec![other],
        };
        for frame in frames {
            if to.send(frame).await.is_err() {
                return;
            }
        }
    }
}

fn in_later_words(frame: &Utf8Bytes) -> Vec<Utf8Bytes> {
    let mut message: Value = serde_json::from_str(frame).unwrap();
    message["later"] = json!({"a": [1, null, {"b": "ä"}]});
    if let Some(limits) = message.get_mut("limits") {
        limits["laterLimit"] = json!(1);
    }
    for event in message["events"].as_array_mut().into_iter().flatten() {
        event["laterField"] = json!("x");
    }
    let presence = json!({"type": "presence", "repository": "todos", "who": ["alice"]});
    vec![
        presence.to_string().into(),
        message.to_string().into(),
        presence.to_string().into(),
    ]
}

/// The next frame of a type; others are passed over.
async fn next(peer: &mut WebSocketStream<Socket>, wanted: &str) -> Value {
    soon(wanted, async {
        loop {
            if let Message::Text(text) = peer.next().await.unwrap().unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == wanted {
                    return frame;
                }
            }
        }
    })
    .await
}

pub(crate) async fn a_client_of_a_later_version_is_served(world: &mut World) {
    let library = world.client().await;
    live(&library).await;
    let socket = TcpStream::connect(world.address()).await.unwrap();
    let (mut peer, _) = async_tungstenite::tokio::client_async(world.url(), socket)
        .await
        .unwrap();
    let auth = json!({"type": "auth", "protocol": 2, "later": true, "client": {"name": "later", "build": [1]}});
    peer.send(Message::text(auth.to_string())).await.unwrap();
    // Nothing of version 1 is promised to somebody who has not asked for it.
    assert_eq!(next(&mut peer, "auth_success").await.get("protocol"), None);
    let unknown = json!({"type": "subscribe_presence", "ref": 7}).to_string();
    peer.send(Message::text(unknown)).await.unwrap();
    let refusal = next(&mut peer, "error").await;
    assert_eq!((&refusal["code"], &refusal["ref"]), (&json!("unknown_type"), &json!(7)));
    let event = json!({
        "_event_id": "later-1", "_operation": 0, "_created_at": "2025-01-23T10:00:00Z", "_data_id": "a",
        "_data": todo("a", 1), "_later": {"x": 1},
    });
    let push = json!({"type": "push_event", "repository": "todos", "event": event, "later": 1}).to_string();
    peer.send(Message::text(push)).await.unwrap();
    assert_eq!(next(&mut peer, "ack").await["eventIds"], json!(["later-1"]));
    sees(&library, "the later client's event", &[todo("a", 1)]).await;
    let pull = json!({"type": "request_events", "repository": "todos", "afterSequence": 0, "later": []}).to_string();
    peer.send(Message::text(pull)).await.unwrap();
    assert_eq!(next(&mut peer, "events").await["events"][0]["_later"], json!({"x": 1}));
    library.stop().await;
}
