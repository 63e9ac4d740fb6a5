//! `explore`: small worlds in which everything is tried that can happen.

use super::failure::Failure;
use crate::explore::{Explored, SmallWorld, WORLDS, explore};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::Write;

/// Flags of `explore`.
#[derive(Debug, Args)]
pub(super) struct ExploreArgs {
    /// Which worlds; all of them if none is named.
    #[arg(value_name = "WORLD")]
    worlds: Vec<String>,
}

/// Explores worlds and prints how large they are, or the first path on which a guarantee does not hold.
pub(super) fn run(args: &ExploreArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let worlds = named(&args.worlds)?;
    writeln!(
        out,
        "{:22} {:>10} {:>12} {:>9} {:>6}",
        "world", "states", "transitions", "terminal", "depth"
    )?;
    for world in worlds {
        let explored = explored(world);
        writeln!(
            out,
            "{:22} {:>10} {:>12} {:>9} {:>6}",
            world.name, explored.states, explored.transitions, explored.terminal, explored.depth
        )?;
        if let Some(path) = explored.failure {
            write!(out, "{path}")?;
            return Err(Failure::Found);
        }
    }
    Ok(())
}

fn named(names: &[String]) -> Result<Vec<&'static SmallWorld>, Failure> {
    if names.is_empty() {
        return Ok(WORLDS.iter().collect());
    }
    let known = || WORLDS.iter().map(|world| world.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let found = WORLDS.iter().find(|world| world.name == *name);
        found.ok_or_else(|| Failure::unable(format!("no world is named {name}; there are {}", known())))
    };
    names.iter().map(find).collect()
}

fn explored(world: &SmallWorld) -> Explored {
    let style = ProgressStyle::with_template("{spinner} {msg}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("the template is one"));
    let explored = explore(world, &mut |so_far| {
        let (states, transitions) = (HumanCount(so_far.states), HumanCount(so_far.transitions));
        bar.set_message(format!("{}: {states} states, {transitions} transitions", world.name));
        bar.tick();
    });
    bar.finish_and_clear();
    explored
}
