//! An application that writes, loses its process, and goes on where it was.

use crate::disk::Kill;
use crate::world::{Killed, World};
use driftless::client::Command;
use driftless::core::client::{Change, ChangeKind, ConnectionState, LocalSequence, Notice, OwnEvent, RequestId};
use driftless::core::event::{EventId, Json, RecordId};
use driftless::core::name::RepositoryName;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

/// The repositories that the client keeps. The server takes no events for the last one.
pub(crate) const REPOSITORIES: [&str; 3] = ["notes", "tasks", "closed"];

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Online,
    Offline,
    /// Somebody else's events are stored.
    Others(&'static str, Vec<String>),
    /// Writes that are asked for together.
    Write(Vec<Vec<Change>>),
    /// A write that dismisses the oldest rejected event.
    Dismiss(Vec<Change>),
    Clear(&'static str),
    Resync(&'static str),
    /// Everything is pushed and read.
    Current,
}

/// An event whose write is known to be durable.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) event: EventId,
    pub(crate) change: Change,
    /// Cleared away: the server has it by chance.
    pub(crate) cleared: bool,
}

/// A write that is not answered.
#[derive(Clone, Debug)]
struct Asked {
    request: RequestId,
    changes: Vec<Change>,
    dismiss: Vec<(RepositoryName, EventId)>,
}

#[derive(Default)]
pub(crate) struct Application {
    pub(crate) own: Vec<Own>,
    pub(crate) dismissed: BTreeSet<EventId>,
    /// Events of others.
    pub(crate) others: BTreeSet<EventId>,
    asked: VecDeque<Asked>,
    answers: Arc<Mutex<BTreeMap<RequestId, Vec<EventId>>>>,
    last_request: u64,
    /// The clear that is not answered, and how many own events were written before it.
    clearing: Option<(RepositoryName, usize)>,
    cleared: Arc<Mutex<bool>>,
    /// Whether the step of now has begun.
    begun: bool,
    pub(crate) kills: usize,
}

impl Application {
    /// Goes through a scenario; `killed` is called at every start after a kill, before anything else.
    pub(crate) fn run(
        &mut self,
        world: &mut World,
        steps: &[Step],
        kills: &[Kill],
        mut killed: impl FnMut(&mut Self, &mut World),
    ) {
        let mut kills = kills.iter().copied();
        world.start(&names(), kills.next());
        for step in steps {
            self.begun = false;
            while let Err(Killed) = self.perform(world, step) {
                self.kills += 1;
                world.end();
                self.learn_answers();
                self.learn_cleared(world);
                self.adopt(world);
                killed(self, world);
                world.start(&names(), kills.next());
            }
        }
    }

    fn perform(&mut self, world: &mut World, step: &Step) -> Result<(), Killed> {
        let first = !std::mem::replace(&mut self.begun, true);
        match step {
            Step::Online => world.online = true,
            Step::Offline => world.go_offline(),
            Step::Others(name, texts) if first => {
                self.others.extend(world.others(&repository(name), texts));
            }
            Step::Write(writes) => {
                if first {
                    for changes in writes {
                        self.ask(changes.clone(), Vec::new());
                    }
                }
                return self.write(world);
            }
            Step::Dismiss(changes) => {
                if first {
                    let rejected = world.disk.reader().rejected(LocalSequence(0), 1).unwrap();
                    let [rejected] = &rejected[..] else {
                        panic!("nothing was rejected")
                    };
                    let dismiss = (rejected.key.repository.clone(), rejected.id.clone());
                    self.ask(changes.clone(), vec![dismiss]);
                }
                return self.write(world);
            }
            Step::Clear(name) => return self.clear(world, &repository(name)),
            Step::Resync(name) if first => world.command(Command::Resync(repository(name))),
            Step::Others(..) | Step::Resync(_) => {}
            Step::Current => {
                let heads = names().map(|name| (name.clone(), world.server.log(&name).len() as u64));
                // What is pushed on the way makes the logs longer.
                return world.run_until("current", |world| {
                    let status = world.status();
                    let at_head = |(name, head): &(RepositoryName, u64)| status.cursors[name].get() >= *head;
                    status.connection == ConnectionState::Live && status.pending == 0 && heads.iter().all(at_head)
                });
            }
        }
        Ok(())
    }

    fn ask(&mut self, changes: Vec<Change>, dismiss: Vec<(RepositoryName, EventId)>) {
        self.last_request += 1;
        self.asked.push_back(Asked {
            request: RequestId(self.last_request),
            changes,
            dismiss,
        });
    }

    fn write(&mut self, world: &mut World) -> Result<(), Killed> {
        for asked in &self.asked {
            let (request, answers) = (asked.request, self.answers.clone());
            let done = Box::new(move |result: driftless::client::WriteResult| {
                let events = result.unwrap().events().to_vec();
                answers.lock().unwrap().insert(request, events);
            });
            world.command(Command::Write {
                request,
                changes: asked.changes.clone(),
                dismiss: asked.dismiss.clone(),
                done,
            });
        }
        // None is left where all have happened before a kill.
        let (last, answers) = (self.asked.back().map(|asked| asked.request), self.answers.clone());
        world.run_until("written", |_| {
            last.is_none_or(|last| answers.lock().unwrap().contains_key(&last))
        })?;
        self.learn_answers();
        assert!(self.asked.is_empty(), "writes are answered in order");
        Ok(())
    }

    fn clear(&mut self, world: &mut World, repository: &RepositoryName) -> Result<(), Killed> {
        *self.cleared.lock().unwrap() = false;
        self.clearing = Some((repository.clone(), self.own.len()));
        let cleared = self.cleared.clone();
        let done = Box::new(move |()| *cleared.lock().unwrap() = true);
        let repository = repository.clone();
        world.command(Command::Clear { repository, done });
        let cleared = self.cleared.clone();
        world.run_until("cleared", |_| *cleared.lock().unwrap())?;
        self.mark_cleared();
        Ok(())
    }

    fn mark_cleared(&mut self) {
        let Some((repository, before)) = self.clearing.take() else {
            return;
        };
        let of_it = |own: &&mut Own| own.change.repository == repository;
        self.own[..before]
            .iter_mut()
            .filter(of_it)
            .for_each(|own| own.cleared = true);
    }

    /// Learns which writes are durable from their answers.
    fn learn_answers(&mut self) {
        let answers = self.answers.clone();
        while let Some(asked) = self.asked.front()
            && let Some(events) = answers.lock().unwrap().get(&asked.request).cloned()
        {
            self.wrote(&events);
        }
    }

    /// The oldest write that was asked for is durable.
    fn wrote(&mut self, events: &[EventId]) {
        let asked = self.asked.pop_front().unwrap();
        assert_eq!(asked.changes.len(), events.len());
        let own = |(change, event): (Change, &EventId)| Own {
            event: event.clone(),
            change,
            cleared: false,
        };
        self.own.extend(asked.changes.into_iter().zip(events).map(own));
        self.dismissed.extend(asked.dismiss.into_iter().map(|(_, event)| event));
    }

    /// Finds out after a kill whether a clear without an answer has happened: then nothing is left of it.
    fn learn_cleared(&mut self, world: &mut World) {
        let Some((repository, before)) = self.clearing.clone() else {
            return;
        };
        let (records, events, cursor) = crate::check::contents(world, self, &repository);
        let before: Vec<&EventId> = self.own[..before].iter().map(|own| &own.event).collect();
        let left = events.iter().filter(|own| before.contains(&&own.id)).count();
        if records.is_empty() && left == 0 && cursor.after.get() == 0 {
            self.mark_cleared();
        }
        self.clearing = None;
    }

    /// Finds out after a kill which of the writes without an answer have happened: each wholly or not at all, and none
    /// before an earlier one.
    fn adopt(&mut self, world: &mut World) {
        let mut reader = world.disk.reader();
        let pending = reader.pending(LocalSequence(0), usize::MAX).unwrap();
        let known: BTreeSet<&EventId> = self.own.iter().map(|own| &own.event).collect();
        let is_new = |event: &OwnEvent| !known.contains(&event.id);
        let mut new: VecDeque<OwnEvent> = pending.into_iter().filter(is_new).collect();
        let rejected = reader.rejected(LocalSequence(0), usize::MAX).unwrap();
        while let Some(asked) = self.asked.front() {
            let is_kept = |event: &EventId| rejected.iter().any(|one| one.id == *event);
            let kept = asked.dismiss.iter().filter(|(_, event)| is_kept(event)).count();
            let is_written = if asked.changes.is_empty() {
                kept == 0
            } else {
                !new.is_empty()
            };
            assert_eq!(kept, if is_written { 0 } else { asked.dismiss.len() }, "all or nothing");
            if !is_written {
                break;
            }
            let count = asked.changes.len();
            assert!(new.len() >= count, "a part of a write: {new:?} of {asked:?}");
            let events: Vec<OwnEvent> = new.drain(..count).collect();
            for (event, change) in events.iter().zip(&asked.changes) {
                assert_eq!(
                    (&event.key.repository, &event.key.record),
                    (&change.repository, &change.record)
                );
            }
            let ids: Vec<EventId> = events.into_iter().map(|event| event.id).collect();
            self.wrote(&ids);
        }
        assert!(new.is_empty(), "nobody wrote {new:?}");
    }

    /// The events that the application was told are acked, or rejected.
    pub(crate) fn told(world: &World) -> (BTreeSet<EventId>, BTreeSet<EventId>) {
        let (mut acked, mut rejected) = (BTreeSet::new(), BTreeSet::new());
        for notice in &world.notices {
            match notice {
                Notice::Acked { events, .. } => acked.extend(events.iter().cloned()),
                Notice::Rejected { event, .. } => {
                    rejected.insert(event.clone());
                }
                _ => {}
            }
        }
        (acked, rejected)
    }
}

pub(crate) fn names() -> [RepositoryName; 3] {
    REPOSITORIES.map(repository)
}

pub(crate) fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

pub(crate) fn upsert(name: &str, record: &str, data: &str) -> Change {
    let data = Json::parse(data.to_owned()).unwrap();
    change(name, record, ChangeKind::Upsert { data, changed: None })
}

pub(crate) fn delete(name: &str, record: &str) -> Change {
    change(name, record, ChangeKind::Delete)
}

fn change(name: &str, record: &str, kind: ChangeKind) -> Change {
    Change {
        repository: repository(name),
        record: RecordId::new(record.to_owned()).unwrap(),
        kind,
    }
}
