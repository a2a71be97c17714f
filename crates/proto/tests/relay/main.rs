//! The relay and its clients over a network that loses, delays, reorders and repeats datagrams, while addresses change
//! and relay and clients are started anew: the machines are the real ones, time and network are simulated.

mod classic;
mod network;
mod rooms;
mod said;
mod world;

use std::panic;

use world::World;

/// Runs a world for each of these seeds, or for the one in `SEED`.
fn run(seeds: std::ops::Range<u64>) {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let result = panic::catch_unwind(|| World::new(seed).run());
        if let Err(reason) = result {
            let said = reason.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("seed {seed}: {said}");
        }
    }
}

#[test]
fn what_is_queued_arrives_once_and_in_order_1() {
    run(0..60);
}

#[test]
fn what_is_queued_arrives_once_and_in_order_2() {
    run(60..120);
}
