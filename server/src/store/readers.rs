//! The threads that read.

use super::answer::Answer;
use super::error::Fault;
use driftless::store::Done;
use driftless_core::server::StoreFailure;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::{io, thread};

/// Fewest and most reading threads. Two, so that a long look-up does not hold up the pages; few, because a page is
/// mostly copying, which more threads than processors do not speed up.
const FEWEST: usize = 2;
const MOST: usize = 4;

/// A question with the receiver of its answer.
pub(super) type Question = Box<dyn FnOnce(&Connection) + Send>;

/// How many readers are worth having on this machine.
pub(super) fn count() -> usize {
    thread::available_parallelism().map_or(FEWEST, |processors| processors.get().clamp(FEWEST, MOST))
}

/// Starts a thread for each connection. They work until the sender is gone and everything that it sent is answered.
pub(super) fn start(connections: Vec<Connection>) -> io::Result<(Sender<Question>, Vec<JoinHandle<()>>)> {
    let (sender, questions) = channel();
    let questions = Arc::new(Mutex::new(questions));
    let mut threads = Vec::with_capacity(connections.len());
    for connection in connections {
        let questions = Arc::clone(&questions);
        let thread = Builder::new().name("store-reader".into());
        threads.push(thread.spawn(move || run(&connection, &questions))?);
    }
    Ok((sender, threads))
}

fn run(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        // The one that waits holds the lock; the others wait for the lock.
        let question = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match question {
            Ok(question) => question(connection),
            Err(_) => return,
        }
    }
}

/// Makes a question of a query.
pub(super) fn question<T: 'static>(
    query: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    done: Done<T>,
) -> Question {
    let answer = Answer::to(done);
    Box::new(move |connection| {
        let result = query(connection).inspect_err(|fault| tracing::error!(%fault, "a read failed"));
        answer.give(result.map_err(StoreFailure::from));
    })
}
