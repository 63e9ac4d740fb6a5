//! A to-do list in a terminal, on tokio. Start a server, and then two of these, each with a file of its own:
//!
//! ```console
//! cargo run --bin driftless -- serve
//! cargo run -p driftless --example todo_tokio -- ws://127.0.0.1:8080/sync first.db
//! cargo run -p driftless --example todo_tokio -- ws://127.0.0.1:8080/sync second.db
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a terminal")]

use driftless::client::{ClientError, Connection, Results};
use driftless::core::client::MergeFields;
use driftless::{Client, Repository, Tokio};
use serde::{Deserialize, Serialize};
use std::env;
use std::error::Error;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str = "\
A to-do list that syncs: todo_tokio [URL [FILE]], by default ws://127.0.0.1:8080/sync and todos.db.
  add TITLE    list           sync      waits until the server has everything
  done ID      remove ID      watch     lists again after every change, whoever made it
  status       quit           help";

#[derive(Serialize, Deserialize)]
struct Todo {
    id: String,
    title: String,
    done: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments
        .next()
        .unwrap_or_else(|| "ws://127.0.0.1:8080/sync".to_owned());
    let file = arguments.next().unwrap_or_else(|| "todos.db".to_owned());
    println!("{HELP}");
    if url.starts_with('-') {
        return Ok(());
    }
    let client = Client::builder(url)
        .repository("todos", MergeFields) // who ticks a todo off does not undo who renames it
        .sqlite(file)
        .open(Tokio)
        .await?;
    let mut states = client.connection();
    tokio::spawn(async move {
        while let Some(state) = states.next().await {
            eprintln!("[{}]", said(&state));
        }
    });
    let todos = client.repository::<Todo>("todos")?;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await?
        && line.trim() != "quit"
    {
        if let Err(error) = command(&client, &todos, &line).await {
            println!("{error}");
        }
    }
    client.stop().await; // what the server does not have stays in the file, and is sent next time
    Ok(())
}

async fn command(client: &Client, todos: &Repository<Todo>, line: &str) -> Result<(), ClientError> {
    let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match (word, rest.trim()) {
        ("add", title) if !title.is_empty() => {
            // Who adds the same title on two devices means one todo.
            let id = title.to_lowercase().replace(' ', "-");
            let todo = Todo {
                id,
                title: title.to_owned(),
                done: false,
            };
            todos.upsert(&todo).await?;
            println!("added {}", todo.id);
        }
        ("done", id) => match todos.get(id).await? {
            Some(found) => {
                todos
                    .upsert(&Todo {
                        done: true,
                        ..found.value
                    })
                    .await?;
                println!("done {id}");
            }
            None => println!("there is no {id}"),
        },
        ("remove", id) if !id.is_empty() => {
            todos.delete(id).await?;
            println!("removed {id}");
        }
        ("list", _) => show(&todos.query().all().await?),
        ("watch", _) => {
            let mut answers = todos.query().watch();
            tokio::spawn(async move {
                while let Some(Ok(answer)) = answers.next().await {
                    show(&answer);
                }
            });
        }
        ("sync", _) => {
            client.sync_now().await?;
            println!("synced");
        }
        ("status", _) => {
            let pending = client.status().await?.pending;
            println!("{}, {pending} not sent yet", said(&client.connection_state()));
        }
        ("", _) => {}
        _ => println!("{HELP}"),
    }
    Ok(())
}

fn show(todos: &Results<Todo>) {
    println!("{} todos", todos.len());
    for todo in todos.iter() {
        let mark = if todo.value.done { 'x' } else { ' ' };
        let pending = if todo.pending { "  (not sent yet)" } else { "" };
        println!("  [{mark}] {}: {}{pending}", todo.id, todo.value.title);
    }
}

fn said(state: &Connection) -> String {
    match state {
        Connection::Offline { .. } => "offline".to_owned(),
        Connection::Connecting => "connecting".to_owned(),
        Connection::Authenticating => "signing in".to_owned(),
        Connection::CatchingUp(progress) => format!("catching up, {} events so far", progress.events),
        Connection::Live => "live".to_owned(),
        Connection::AuthenticationFailed { message } => format!("refused: {message}"),
    }
}
