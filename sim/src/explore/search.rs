//! Depth first through everything that can happen.

use super::choice::Choice;
use super::met::Met;
use super::world::World;
use super::{Explored, SmallWorld};
use crate::check::Invariant;
use driftless_core::Machine;
use driftless_core::client::ClientInput;
use std::fmt::Write as _;

/// Transitions between two reports of progress.
const REPORT_EVERY: u64 = 1 << 16;

/// A state on the way, with what is left to try from it.
struct Step {
    world: World,
    /// How the state was reached.
    by: Option<Choice>,
    left: Vec<Choice>,
}

impl World {
    /// Lets one thing happen.
    pub(super) fn perform(&mut self, choice: Choice) {
        match choice {
            Choice::Write(client) => self.write(client),
            Choice::Connect(client) => self.end_connect(client),
            Choice::Storage(client) => self.finish_storage(client),
            Choice::ToServer(connection) => self.frame_for_server(connection),
            Choice::ToClient(connection) => self.frame_for_client(connection),
            Choice::Authenticate(connection, auth) => self.authenticate(connection, auth),
            Choice::Append { append, done_first } => self.finish_append(append, done_first),
            Choice::Read { read, stale } => self.finish_read(read, stale),
            Choice::Tell => self.tell(),
            Choice::Cut { connection, up, down } => {
                self.cuts -= 1;
                if let Some(link) = self.links.get_mut(&connection) {
                    let link = link.change();
                    link.up.end(up);
                    link.down.end(down);
                }
            }
            Choice::CrashClient { client, kept, sent } => {
                self.client_crashes -= 1;
                self.crash_client(client, kept, sent);
            }
            Choice::StartClient(client) => self.start_client(client),
            Choice::CrashServer { kept, sent } => {
                self.server_crashes -= 1;
                self.crash_server(kept, sent);
            }
            Choice::StartServer => self.start_server(),
            Choice::Wait => self.wait(),
        }
    }

    fn wait(&mut self) {
        let Some(next) = self.next_wake() else {
            return;
        };
        self.waits += 1;
        self.now = self.now.max(next);
        for index in 0..self.clients.len() {
            let wake = self.clients[index].machine.as_ref().and_then(Machine::next_wake);
            if wake.is_some_and(|wake| wake.at <= self.now) {
                self.client(index, ClientInput::Tick);
            }
        }
        self.tick_server();
    }

    /// Whether all is said and done.
    fn is_end(&self) -> bool {
        self.due().is_empty() && self.is_settled()
    }

    /// What can happen next; checks the end where nothing has to.
    fn choices(&mut self) -> Vec<Choice> {
        let mut choices = self.due();
        if choices.is_empty() {
            if self.is_settled() {
                self.check_end();
            } else if self.may_wait() && self.next_wake().is_some() {
                choices.push(Choice::Wait);
            } else {
                self.fail(Invariant::Liveness, "nothing more happens, and not everyone is done");
            }
        }
        if let Some(enough) = self.enough(&choices).filter(|_| !self.plan.every_order) {
            return enough;
        }
        choices.extend(self.faults());
        // The last is tried first.
        choices.reverse();
        choices
    }
}

pub(super) fn explore(plan: &SmallWorld, progress: &mut dyn FnMut(&Explored)) -> Explored {
    let mut explored = Explored::default();
    let mut met = Met::default();
    let mut world = World::new(*plan);
    if plan.from_live {
        world.come_alive();
    }
    let left = world.choices();
    let mut path = vec![Step { world, by: None, left }];
    while let Some(step) = path.last_mut() {
        if step.world.failure.is_some() {
            explored.failure = Some(tell(plan, &path));
            break;
        }
        let Some(choice) = step.left.pop() else {
            path.pop();
            continue;
        };
        let mut world = step.world.clone();
        world.perform(choice);
        explored.transitions += 1;
        if explored.transitions.is_multiple_of(REPORT_EVERY) {
            progress(&explored);
        }
        let left = world.choices();
        let end = world.is_end();
        // Where there is one way to go on, the state behind it will do.
        if (left.len() != 1 || end) && world.failure.is_none() {
            if !met.insert(world.digest()) {
                continue;
            }
            explored.states += 1;
            explored.terminal += u64::from(end);
        }
        path.push(Step {
            world,
            by: Some(choice),
            left,
        });
        explored.depth = explored.depth.max(path.len() as u64);
    }
    explored
}

/// A failing path as one reads it: what happened, step by step.
fn tell(plan: &SmallWorld, path: &[Step]) -> String {
    let mut text = format!("world {}\n", plan.name);
    for (number, pair) in path.windows(2).enumerate() {
        if let Some(choice) = pair[1].by {
            let at = pair[0].world.now.as_micros() / 1_000;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:4} {at:6} ms  {}", number + 1, pair[0].world.describe(choice));
        }
    }
    if let Some((invariant, message)) = path.last().and_then(|step| step.world.failure.as_ref()) {
        let _ = writeln!(text, "{}: {message}", invariant.name());
    }
    text
}
