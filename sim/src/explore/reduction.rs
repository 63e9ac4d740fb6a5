//! Which orders need not be told apart.
//!
//! Two steps of different nodes commute: each changes its own node, takes from the front of the queues that lead to it and
//! adds to the back of those that lead away. So it is enough to go on with the steps of one node alone (a persistent set,
//! Godefroid 1996) where nothing that the others can do meanwhile touches them or adds another step of that node:
//!
//! - **A client that has something to take.** Its steps are to take it, to finish a storage request and to write. The
//!   server can only add behind what is there. It has to be out of reach of faults: the server's crash and a cut take
//!   away what is on its way, a crash ends it.
//! - **Credentials that are decided about.** Until then the client sends nothing and the hub does not know the connection.
//!   The same faults are excluded.
//!
//! Every state in which nothing is left to happen is reached all the same, and so is every state of each single node. The
//! checks lose nothing: each looks at one node and at the log, which only grows, and where they compare them a shorter log
//! is the stricter one. No path is endless, so that nothing is put off for ever.

use super::choice::Choice;
use super::world::World;

impl World {
    /// Some of what is due, if going on with that is enough.
    pub(super) fn enough(&self, due: &[Choice]) -> Option<Vec<Choice>> {
        let client = (0..self.clients.len()).find(|client| self.is_safe(*client) && self.has_to_take(*client));
        if let Some(client) = client {
            let own = due.iter().copied().filter(|choice| self.is_step_of(client, *choice));
            return Some(own.collect());
        }
        let safe_auth = |choice: &Choice| match choice {
            Choice::Authenticate(connection, _) => self
                .links
                .get(connection)
                .is_some_and(|link| !link.is_ending() && self.is_safe(link.client)),
            _ => false,
        };
        due.iter().copied().find(safe_auth).map(|choice| vec![choice])
    }

    /// Whether no fault can touch a client or its connections any more.
    fn is_safe(&self, client: usize) -> bool {
        let harmless = self.cuts == 0 && self.client_crashes == 0 || !self.plan.victims.contains(&client);
        self.server_crashes == 0 && harmless
    }

    fn has_to_take(&self, client: usize) -> bool {
        self.clients[client].connecting.is_none()
            && self
                .links
                .values()
                .any(|link| link.client == client && link.down.next().is_some())
    }

    fn is_step_of(&self, client: usize, choice: Choice) -> bool {
        match choice {
            Choice::Write(index) | Choice::Storage(index) => index == client,
            Choice::ToClient(connection) => self.links.get(&connection).is_some_and(|link| link.client == client),
            _ => false,
        }
    }
}
