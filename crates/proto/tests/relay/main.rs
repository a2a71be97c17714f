//! The relay and its clients over a network that loses, delays, reorders and repeats datagrams, while addresses change
//! and relay and clients are started anew: the machines are the real ones, time and network are simulated.

mod classic;
mod network;
mod post;
mod rooms;
mod said;
mod world;

use std::panic;

use world::World;

use post::Kind;

/// Runs a world for each of these seeds, or for the one in `SEED`, or for those from `SEED=first..last`.
fn run(seeds: std::ops::Range<u64>, world: impl Fn(u64) + panic::RefUnwindSafe) {
    let seeds = std::env::var("SEED").map_or(seeds, |wanted| {
        let number = |text: &str| text.parse::<u64>().expect("a number in SEED");
        match wanted.split_once("..") {
            Some((first, last)) => number(first)..number(last),
            None => number(&wanted)..number(&wanted) + 1,
        }
    });
    let mut failed = Vec::new();
    for seed in seeds {
        if let Err(reason) = panic::catch_unwind(|| world(seed)) {
            let said = reason.downcast_ref::<String>().cloned().unwrap_or_default();
            failed.push(format!("seed {seed}: {said}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn here(seed: u64) {
    World::new(seed).run();
}

#[test]
fn what_is_queued_arrives_once_and_in_order_1() {
    run(0..60, here);
}

#[test]
fn what_is_queued_arrives_once_and_in_order_2() {
    run(60..120, here);
}

#[test]
fn what_a_store_has_taken_is_not_lost() {
    run(0..40, |seed| post::World::new(Kind::Store, seed).run());
}

#[test]
fn what_a_fleet_has_taken_is_not_lost() {
    run(0..40, |seed| post::World::new(Kind::Fleet, seed).run());
}
