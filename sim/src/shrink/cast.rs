//! Fewer clients and repositories.

use super::{Attempts, what};
use crate::scenario::{Incident, Scenario, What};

/// Without each client and all that happens to it. Where the clients behind it moving up changes too much (what is
/// random for a client comes from its place), it stays and never joins.
pub(super) fn clients(search: &mut impl Attempts) -> bool {
    let mut smaller = false;
    for client in (0..search.best().clients.len()).rev() {
        if search.best().clients.len() > 1 {
            smaller |= search.edit(&|scenario| without_client(scenario, client))
                || search.edit(&|scenario| absent(scenario, client));
        }
    }
    smaller
}

fn names(incident: &mut Incident, client: usize) -> bool {
    what::clients(incident).iter().any(|named| **named == client)
}

fn absent(scenario: &mut Scenario, client: usize) {
    scenario.incidents.retain_mut(|incident| !names(incident, client));
    scenario.clients[client].joins_at = None;
}

fn without_client(scenario: &mut Scenario, client: usize) {
    absent(scenario, client);
    scenario.clients.remove(client);
    for named in scenario.incidents.iter_mut().flat_map(what::clients) {
        *named -= usize::from(*named > client);
    }
}

/// Without each repository and the writes to it.
pub(super) fn repositories(search: &mut impl Attempts) -> bool {
    let mut smaller = false;
    for repository in (0..search.best().repositories.len()).rev() {
        if search.best().repositories.len() > 1 {
            smaller |= search.edit(&|scenario| without_repository(scenario, repository));
        }
    }
    smaller
}

fn without_repository(scenario: &mut Scenario, repository: usize) {
    scenario.repositories.remove(repository);
    scenario.incidents.retain_mut(|incident| match &mut incident.what {
        What::Write(_, changes) => {
            changes.retain(|change| change.repository != repository);
            for change in &mut *changes {
                change.repository -= usize::from(change.repository > repository);
            }
            !changes.is_empty()
        }
        What::Resync(_, named) | What::Clear(_, named) if *named == repository => false,
        What::Resync(_, named) | What::Clear(_, named) => {
            *named -= usize::from(*named > repository);
            true
        }
        _ => true,
    });
}
