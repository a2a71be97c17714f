//! A hostile header allocates no more than its own length allows: measured at the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use proptest::prelude::*;
use proto::frame::{self, HEADER_LIMIT, Message};
use serde::{Deserialize, Serialize};

/// Notes the largest block that the current thread has asked for.
struct Watching;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator can be watched in no other way")]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` with this `layout`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// A message in which only the lengths of strings can lie.
#[derive(Debug, Serialize, Deserialize)]
struct Strings(String, String);

impl Message for Strings {
    const KIND: u8 = 1;
    const MAX_HEADER: u32 = HEADER_LIMIT;
}

/// A message in which every length can lie.
#[derive(Debug, Serialize, Deserialize)]
struct Collections(Vec<u8>, String, Vec<u64>, Vec<Vec<String>>);

impl Message for Collections {
    const KIND: u8 = 1;
    const MAX_HEADER: u32 = HEADER_LIMIT;
}

/// The largest block that decoding these bytes asks for.
fn largest_block<M: Message>(received: &[u8]) -> usize {
    LARGEST.set(0);
    let result = frame::decode::<M>(received);
    let largest = LARGEST.get();
    drop(result);
    largest
}

fn framed(header: &[u8]) -> Vec<u8> {
    let length = (header.len() as u32).to_be_bytes();
    [&[frame::VERSION, 1], &length[..], &[0; 4], header].concat()
}

/// 16 times the longest header of the same step.
fn limit_of_strings(header: usize) -> usize {
    16 * match header {
        0..=64 => 64,
        65..=4096 => 4096,
        _ => HEADER_LIMIT as usize,
    }
}

const LIMIT_OF_COLLECTIONS: usize = 1024 * 1024;

fn check(header: &[u8]) {
    let received = framed(header);
    let largest = largest_block::<Strings>(&received);
    assert!(largest <= limit_of_strings(header.len()), "{largest}");
    let largest = largest_block::<Collections>(&received);
    assert!(largest <= LIMIT_OF_COLLECTIONS, "{largest}");
}

#[test]
fn a_length_that_lies_allocates_little() {
    for claim in [0x1000_u64, 0x1000_0000, 0x1000_0000_0000, u64::MAX] {
        let header = [&[253], &claim.to_le_bytes()[..]].concat();
        for place in 0..4 {
            check(&[&[0; 4][..place], &header].concat());
        }
    }
}

#[test]
fn a_prefix_that_lies_allocates_nothing() {
    let prefix = [&[frame::VERSION, 1], &[0xff; 8][..]].concat();
    assert_eq!(largest_block::<Collections>(&prefix), 0);
}

proptest! {
    #[test]
    fn any_header_stays_within_its_limit(header in proptest::collection::vec(any::<u8>(), 0..5000)) {
        check(&header);
    }
}
