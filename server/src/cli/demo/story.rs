//! What happens, in order.

use super::folder::Folder;
use super::network::Network;
use super::person::Person;
use super::server::DemoServer;
use super::stage::{Stage, Voice};
use crate::cli::Failure;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

/// The file of the server's log.
const SERVER_FILE: &str = "server.db";

/// Everybody and everything on the stage.
struct Play {
    stage: Stage,
    folder: Folder,
    server: DemoServer,
    /// Ben's way to the server.
    network: Network,
    anna: Person,
    ben: Person,
}

/// Plays the demonstration. Fails if anything is not as it should be.
pub(super) async fn play(stage: Stage) -> Result<(), Failure> {
    let start = Instant::now();
    let play = Play::begin(stage).await?;
    play.together().await?;
    play.apart().await?;
    let play = play.restart_server().await?;
    play.reunion().await?;
    play.end(start).await
}

impl Play {
    async fn begin(stage: Stage) -> Result<Self, Failure> {
        stage.scene("A server, and two people with a list of tasks").await;
        let folder = Folder::new().map_err(|error| Failure::failed(format!("no folder for it: {error}")))?;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = start_server(any_port, &folder).await?;
        let address = server.address;
        stage
            .say(
                Voice::Server,
                &format!("listens on {address}; its log is an SQLite file"),
            )
            .await;
        let network = Network::to(address).await;
        let network = network.map_err(|error| Failure::failed(format!("no network: {error}")))?;
        let anna = Person::start(Voice::Anna, format!("ws://{address}/sync"), folder.file("anna.db")).await?;
        let ben = Person::start(Voice::Ben, network.url(), folder.file("ben.db")).await?;
        for person in [&anna, &ben] {
            person.is_connected(true).await?;
            let text = "connects, and keeps everything in a file of their own too";
            stage.say(person.voice, text).await;
        }
        Ok(Self {
            stage,
            folder,
            server,
            network,
            anna,
            ben,
        })
    }

    async fn together(&self) -> Result<(), Failure> {
        let (stage, anna, ben) = (&self.stage, &self.anna, &self.ben);
        stage.scene("1. Online: what one writes, the other has").await;
        write(stage, anna, "milk", r#"{"title":"Buy milk","done":false}"#).await?;
        read(stage, ben, "milk", r#"{"title":"Buy milk","done":false}"#).await?;
        write(stage, ben, "bread", r#"{"title":"Buy bread","loaves":1}"#).await?;
        read(stage, anna, "bread", r#"{"title":"Buy bread","loaves":1}"#).await
    }

    async fn apart(&self) -> Result<(), Failure> {
        let (stage, anna, ben) = (&self.stage, &self.anna, &self.ben);
        stage.scene("2. Ben goes into a tunnel; both go on writing").await;
        anna.flush().await?;
        ben.flush().await?;
        self.network.set_up(false);
        ben.is_connected(false).await?;
        stage.say(Voice::Ben, "has no connection any more").await;
        write(stage, ben, "milk", r#"{"title":"Buy milk","done":true}"#).await?;
        stage.aside("Ben ticks the milk off …").await;
        write(stage, anna, "milk", r#"{"title":"Buy oat milk","done":false}"#).await?;
        stage
            .aside("… while Anna changes its title: two fields of one record.")
            .await;
        write(stage, anna, "bread", r#"{"title":"Buy bread","loaves":2}"#).await?;
        write(stage, ben, "bread", r#"{"title":"Buy bread","loaves":3}"#).await?;
        stage.aside("And here both change the same field.").await;
        write(stage, ben, "eggs", r#"{"title":"Buy eggs"}"#).await?;
        write(stage, anna, "tea", r#"{"title":"Buy tea"}"#).await?;
        anna.flush().await?;
        let pending = ben.pending().await?.len();
        let text = format!("has {pending} changes waiting in the outbox, safe in the file");
        stage.say(Voice::Ben, &text).await;
        stage.compare(&anna.tasks().await?, &ben.tasks().await?).await;
        Ok(())
    }

    async fn restart_server(mut self) -> Result<Self, Failure> {
        self.stage
            .scene("3. The server is stopped, and started again on its file")
            .await;
        let address = self.server.address;
        self.server.stop().await;
        self.anna.is_connected(false).await?;
        self.stage.say(Voice::Server, "has stopped").await;
        self.server = start_server(address, &self.folder).await?;
        self.stage
            .say(Voice::Server, "is back, with everything that it had acknowledged")
            .await;
        self.anna.is_connected(true).await?;
        self.stage.say(Voice::Anna, "has reconnected by herself").await;
        Ok(self)
    }

    async fn reunion(&self) -> Result<(), Failure> {
        let (stage, anna, ben) = (&self.stage, &self.anna, &self.ben);
        stage.scene("4. Ben comes out of the tunnel").await;
        self.network.set_up(true);
        ben.is_connected(true).await?;
        stage
            .say(
                Voice::Ben,
                "is connected: first he reads what he missed, then his outbox is sent",
            )
            .await;
        ben.flush().await?;
        stage.say(Voice::Ben, "has everything acknowledged").await;
        anna.sees("milk", Some(r#"{"title":"Buy oat milk","done":true}"#))
            .await?;
        let tasks = anna.agrees_with(ben).await?;
        stage.compare(&tasks, &ben.tasks().await?).await;
        stage
            .aside("The milk has Anna's title and Ben's tick. Of the loaves the later in the log counts, for both.")
            .await;
        ben.delete("bread").await?;
        stage.say(Voice::Ben, "deletes bread").await;
        anna.sees("bread", None).await?;
        stage.say(Voice::Anna, "sees it go").await;
        Ok(())
    }

    async fn end(self, start: Instant) -> Result<(), Failure> {
        let tasks = self.anna.agrees_with(&self.ben).await?;
        self.anna.flush().await?;
        self.ben.flush().await?;
        self.stage.scene("Both have the same").await;
        self.stage.compare(&tasks, &self.ben.tasks().await?).await;
        let Self {
            stage,
            folder,
            server,
            anna,
            ben,
            ..
        } = self;
        anna.stop().await;
        ben.stop().await;
        server.stop().await;
        let seconds = start.elapsed().as_secs_f32();
        let text = format!(
            "That was a real server and two real clients, in {seconds:.1} s. Nothing is left of it in {}.",
            folder.path().parent().unwrap_or(folder.path()).display()
        );
        stage.aside(&text).await;
        stage
            .aside("Your own: `driftless serve`, then `driftless client --help`.")
            .await;
        Ok(())
    }
}

async fn start_server(address: SocketAddr, folder: &Folder) -> Result<DemoServer, Failure> {
    let started = DemoServer::start(address, folder.file(SERVER_FILE)).await;
    started.map_err(|error| Failure::failed(format!("the server does not start: {error}")))
}

async fn write(stage: &Stage, person: &Person, id: &str, data: &str) -> Result<(), Failure> {
    person.upsert(id, data).await?;
    stage.say(person.voice, &format!("writes {id} {data}")).await;
    Ok(())
}

async fn read(stage: &Stage, person: &Person, id: &str, data: &str) -> Result<(), Failure> {
    person.sees(id, Some(data)).await?;
    stage.say(person.voice, &format!("sees   {id} {data}")).await;
    Ok(())
}
