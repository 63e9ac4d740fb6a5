//! A server in a process of your own, here with its logs in memory. Enter, or the end of stdin, ends it.
//!
//! ```console
//! cargo run -p driftless --example embedded_server
//! cargo run -p driftless --example todo_tokio
//! ```

#![allow(clippy::print_stdout, reason = "it talks to a terminal")]

use driftless::Tokio;
use driftless::server::{Listening, Server, ServerConfig, StaticToken};
use driftless::store::Memory;
use std::env;
use std::error::Error;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str = "\
A sync server in memory: embedded_server [ADDRESS [TOKEN]], by default 127.0.0.1:8080 and for everyone who can reach it.";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    if address.starts_with('-') {
        println!("{HELP}");
        return Ok(());
    }
    let mut config = ServerConfig::new(Arc::new(Memory::new()));
    if let Some(token) = arguments.next() {
        config.authenticator = Arc::new(StaticToken::new(&token).ok_or("the token is empty")?);
    }
    let server = Server::start(config, Tokio)?;
    let listening = Listening::bind(server.clone(), address.parse()?).await?;
    println!("clients connect to ws://{}/sync; Enter ends this", listening.address()?);
    let entered = async {
        // An error ends it as well.
        let _ = BufReader::new(stdin()).read_line(&mut String::new()).await;
    };
    listening.run(entered).await?;
    println!(
        "{} connections were served",
        server.metrics().connections_opened.value()
    );
    Ok(())
}
