//! Plainer incidents.

use super::{Attempts, what};
use crate::scenario::{Change, What};

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
            smaller |= edit_changes(search, index, |changes| changes[change].data = Some(short.clone()));
        }
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
