//! The mutation gate: realistic bugs in `core`, and whether the simulator notices each.
//!
//! A simulator that finds nothing proves nothing, unless it is known what it would find. Each file in `sim/mutants` is
//! a patch of `core` that puts in one bug that a programmer could make and a reviewer could miss, with a header that
//! names the guarantee which that bug breaks ([`Mutant`]). The gate applies one after the other to a copy of the
//! workspace, builds it, and runs seeds until the intended guarantee fails. `core` itself has no switches for this.
//!
//! 1. The copy without a patch has to pass all the seeds that are used.
//! 2. A patch that no longer applies, or whose copy does not compile, fails the gate: it says nothing any more.
//! 3. The first seed that fails decides. A mutant whose first failure is another guarantee than the intended one counts
//!    as alive, because then nothing is known of the check that was meant for it; its header can name others that are as
//!    good, each with the reason.
//! 4. The failing schedule is shrunk, to show how few incidents the bug needs.
//!
//! All mutants are built in one target folder, so that only `core` and this package are compiled again for each; the
//! next one is built while the last one is hunted.

mod gate;
mod hunt;
mod patch;
mod table;
mod tree;

pub use gate::{Gate, MutantsError};
pub use hunt::{Hunt, Kill, Verdict};
pub use patch::{HeaderError, Mutant};
pub use table::{Row, write_into};
