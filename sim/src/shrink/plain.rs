//! Plainer incidents.

use super::{Attempts, what};
use crate::scenario::{Change, What};
use std::collections::{BTreeMap, BTreeSet};

/// Data below this length is as good as short, in bytes.
const MIN_LENGTH: usize = 32;

/// Short names of records: `a`, `b`, and so on.
pub(super) fn names(search: &mut impl Attempts) -> bool {
    let mut names = BTreeSet::new();
    for incident in &search.best().incidents {
        if let What::Write(_, changes) = &incident.what {
            names.extend(changes.iter().map(|change| change.record.clone()));
        }
    }
    // More than letters: nobody reads it anyway.
    if names.len() > 26 {
        return false;
    }
    let renamed: BTreeMap<String, String> = names
        .into_iter()
        .zip('a'..='z')
        .map(|(name, letter)| (name, letter.into()))
        .collect();
    search.edit(&|scenario| {
        for incident in &mut scenario.incidents {
            if let What::Write(_, changes) = &mut incident.what {
                for change in changes {
                    change.record.clone_from(&renamed[&change.record]);
                }
            }
        }
    })
}

/// One change a write, short data, a cut that takes everything and that both ends hear of, counts and turns of one.
pub(super) fn incidents(search: &mut impl Attempts) -> bool {
    let mut smaller = false;
    for index in 0..search.best().incidents.len() {
        smaller |= match &search.best().incidents[index].what {
            What::Write(..) => write(search, index),
            What::Cut { .. } => cut(search, index),
            What::Restore { .. } => restore(search, index),
            _ => false,
        };
        smaller |= numbers(search, index);
    }
    smaller
}

fn write(search: &mut impl Attempts, index: usize) -> bool {
    let mut smaller = false;
    let mut change = changes(search, index).len();
    while change > 0 {
        change -= 1;
        if changes(search, index).len() > 1 {
            smaller |= edit_changes(search, index, |changes| drop(changes.remove(change)));
        }
    }
    for change in 0..changes(search, index).len() {
        // Numbered by their place, so that a reader can tell writes apart.
        let short = format!("{{\"n\":{}}}", index + 1);
        if changes(search, index)[change].data.is_some() {
            smaller |= edit_changes(search, index, |changes| changes[change].data = Some(short.clone()))
                || shorter(search, index, change);
        }
    }
    smaller
}

/// Where it is the length of the data that matters: half of it, as often as that still fails.
fn shorter(search: &mut impl Attempts, index: usize, change: usize) -> bool {
    let mut smaller = false;
    while let Some(data) = &changes(search, index)[change].data {
        let length = data.len();
        // The same length in plain letters first.
        let plain = format!("{{\"n\":\"{}\"}}", "x".repeat(length.saturating_sub(8)));
        let length = if *data == plain { length / 2 } else { length };
        if length < MIN_LENGTH {
            break;
        }
        let text = format!("{{\"n\":\"{}\"}}", "x".repeat(length.saturating_sub(8)));
        if !edit_changes(search, index, |changes| changes[change].data = Some(text.clone())) {
            break;
        }
        smaller = true;
    }
    smaller
}

fn changes(search: &impl Attempts, index: usize) -> &[Change] {
    match &search.best().incidents[index].what {
        What::Write(_, changes) => changes,
        _ => &[],
    }
}

fn edit_changes(search: &mut impl Attempts, index: usize, edit: impl Fn(&mut Vec<Change>)) -> bool {
    search.edit(&|scenario| {
        if let What::Write(_, changes) = &mut scenario.incidents[index].what {
            edit(changes);
        }
    })
}

fn cut(search: &mut impl Attempts, index: usize) -> bool {
    let told = |client: bool, server: bool, percent: Option<u64>| {
        move |what: &mut What| {
            if let What::Cut {
                arrives,
                client_told,
                server_told,
                ..
            } = what
            {
                *client_told |= client;
                *server_told |= server;
                *arrives = percent.unwrap_or(*arrives);
            }
        }
    };
    let tries = [
        told(true, true, Some(0)),
        told(true, true, None),
        told(true, false, None),
        told(false, true, None),
    ];
    let mut smaller = false;
    for edit in tries {
        smaller |= search.edit(&|scenario| edit(&mut scenario.incidents[index].what));
    }
    // All or nothing.
    let is_whole = |what: &What| matches!(what, What::Cut { arrives: 0 | 100, .. });
    for percent in [0, 100] {
        if !is_whole(&search.best().incidents[index].what) {
            let edit = told(false, false, Some(percent));
            smaller |= search.edit(&|scenario| edit(&mut scenario.incidents[index].what));
        }
    }
    smaller
}

fn restore(search: &mut impl Attempts, index: usize) -> bool {
    search.edit(&|scenario| {
        if let What::Restore { new_epoch, .. } = &mut scenario.incidents[index].what {
            *new_epoch = true;
        }
    })
}

/// Counts and turns: the first that does, of a few small ones.
fn numbers(search: &mut impl Attempts, index: usize) -> bool {
    let mut smaller = false;
    for number in [what::count, what::turn] {
        let mut incident = search.best().incidents[index].clone();
        let Some(&mut now) = number(&mut incident) else {
            continue;
        };
        smaller |= [1, 2, 3, 4, 5, now / 2, now.saturating_sub(1)]
            .into_iter()
            .filter(|less| (1..now).contains(less))
            .any(|less| {
                search.edit(&|scenario| {
                    if let Some(number) = number(&mut scenario.incidents[index]) {
                        *number = less;
                    }
                })
            });
    }
    smaller
}
