//! Gives new events to the readers that are live.

use super::broadcast::Broadcast;
use super::connection::Work;
use super::log::ReaderState;
use super::{Hub, HubAction};
use crate::machine::Actions;
use crate::server::Committed;

impl Hub {
    /// A log has grown. Costs nothing for connections that neither read the log nor are plain in its namespace.
    pub(super) fn committed(&mut self, committed: &Committed, out: &mut Actions<HubAction>) {
        let Committed { log: name, events } = committed;
        if events.is_empty() {
            return;
        }
        self.meet_plain_peers(name, events.first(), out);
        let Some(log) = self.logs.log(name) else { return };
        log.head = log.head.max(events.last());
        let mut broadcast = Broadcast::new(&name.repository, events, &self.config.limits);
        for (&id, reader) in &mut log.readers {
            match reader.state {
                ReaderState::Live => {}
                ReaderState::Reading | ReaderState::Answering => {
                    reader.miss(events, self.config.limits.stream_bytes);
                    continue;
                }
                ReaderState::CatchingUp | ReaderState::Held => continue,
            }
            let Some(connection) = self.connections.get_mut(&id) else {
                continue;
            };
            if !broadcast.deliver(id, connection, reader, out) {
                reader.state = ReaderState::CatchingUp;
                connection.work.insert(Work::Stream(name.repository.clone()));
                self.behind.push(id);
            }
        }
        while let Some(id) = self.behind.pop() {
            self.pump(id, out);
        }
    }
}
