//! The network between one client and the server, which can be cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that leads to the server as long as the network is up.
#[derive(Debug)]
pub(super) struct Network {
    address: SocketAddr,
    up: watch::Sender<bool>,
}

impl Network {
    /// A network that is up.
    pub(super) async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let up = watch::Sender::new(true);
        tokio::spawn(relay(listener, server, up.subscribe()));
        Ok(Self { address, up })
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/sync", self.address)
    }

    /// Cuts every connection, or lets new ones through.
    pub(super) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }
}

async fn relay(listener: TcpListener, server: SocketAddr, up: watch::Receiver<bool>) {
    let gone = watch_end(up.clone());
    tokio::pin!(gone);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut gone => return,
        };
        if let Ok((client, _)) = accepted
            && *up.borrow()
        {
            tokio::spawn(carry(client, server, up.clone()));
        }
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, mut up: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    // Whatever ends it, both ends hear of it by the sockets being dropped.
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = up.wait_for(|up| !*up) => {}
    }
}

/// Waits until the [`Network`] is dropped.
async fn watch_end(mut up: watch::Receiver<bool>) {
    while up.changed().await.is_ok() {}
}
