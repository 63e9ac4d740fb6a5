//! Journals, kept and repeated.

use driftless::client::JournalEntry;
use driftless::core::client::{Client, ClientAction, ClientConfig, ClientInput};
use driftless::core::{Actions, Instant, Machine};
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex};

/// A line of a journal, kept.
#[derive(Debug)]
pub(crate) enum Line {
    Start(Box<ClientConfig>),
    Input(Instant, ClientInput),
    Action(ClientAction),
}

/// The lines of a client's journal.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Line>>>);

impl Lines {
    /// What [`driftless::client::ClientBuilder::journal`] is given.
    pub(crate) fn writer(&self) -> impl FnMut(JournalEntry<'_>) + Send + 'static {
        let lines = self.0.clone();
        move |entry| {
            let line = match entry {
                JournalEntry::Start(config) => Line::Start(Box::new(config.clone())),
                JournalEntry::Input(at, input) => Line::Input(at, input.clone()),
                JournalEntry::Action(action) => Line::Action(action.clone()),
            };
            lines.lock().unwrap().push(line);
        }
    }

    pub(crate) fn has(&self, is: impl Fn(&Line) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(is)
    }

    pub(crate) fn taken(&self) -> Vec<Line> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// Gives the inputs of a journal to a fresh machine, and compares its actions with those of the journal, one by one. Says
/// how many inputs and actions there were.
pub(crate) fn replay(lines: &[Line]) -> (usize, usize) {
    let [Line::Start(config), lines @ ..] = lines else {
        panic!("a journal begins with its configuration");
    };
    let mut machine = Client::new((**config).clone());
    let (mut inputs, mut actions) = (0, 0);
    // Brought about, and not yet in the journal.
    let mut due = VecDeque::new();
    for line in lines {
        match line {
            Line::Start(_) => panic!("a journal begins once"),
            Line::Input(at, input) => {
                let mut out = Actions::new();
                machine.handle(*at, input.clone(), &mut out);
                due.extend(out.drain());
                inputs += 1;
            }
            Line::Action(action) => {
                let replayed = due.pop_front();
                assert_eq!(
                    replayed.as_ref(),
                    Some(action),
                    "action {actions}, after {inputs} inputs"
                );
                actions += 1;
            }
        }
    }
    assert!(due.is_empty(), "the client has not done {due:?}");
    (inputs, actions)
}
