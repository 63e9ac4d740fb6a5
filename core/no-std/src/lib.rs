//! Compiles only while no crate that `driftless-core` depends on links the standard library.
//!
//! `std` brings a panic handler, and a program has one: if `std` is anywhere among the dependencies, the handler here
//! is one too many, and the compiler says so (E0152, "duplicate lang item").

#![no_std]

use core::panic::PanicInfo;
use driftless_core as _;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
