//! What hostile headers, clients and strangers cost in memory: measured at the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use proto::frame::{self, HEADER_LIMIT, Message};
use proto::relay::hub::{Burst, ExitPolicy, Hub, Outbox, Reach, Settings, Targets, Via};
use serde::{Deserialize, Serialize};

/// Notes the largest block that the current thread has asked for, and how many bytes it has.
struct Watching;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator can be watched in no other way")]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        HELD.set(HELD.get() + layout.size() as isize);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
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

/// A relay, and how many bytes it has.
struct Relay {
    hub: Hub,
    out: Outbox,
    before: isize,
}

impl Relay {
    fn new(clients: usize) -> Self {
        let before = HELD.get();
        let settings = Settings {
            targets: Targets::Any,
            exit: ExitPolicy::Loopback,
            secret: [7; 32],
            own: Vec::new(),
            ports: vec![9000],
            clients,
            history: 10,
            reach: Reach::Here,
        };
        Self {
            hub: Hub::new(settings, Duration::ZERO),
            out: Outbox::new(),
            before,
        }
    }

    fn bytes(&self) -> usize {
        (HELD.get() - self.before).unsigned_abs()
    }

    /// A datagram comes, and what is said to it goes.
    fn hear(&mut self, from: SocketAddr, datagram: &[u8], now: Duration) {
        let burst = Burst {
            from,
            via: Via(0),
            bytes: datagram,
            size: datagram.len(),
        };
        self.hub.handle(&burst, now, &mut self.out);
        self.hub.flush(now, &mut self.out);
        if self.hub.has_answers() {
            self.hub.answer(now, &mut self.out);
        }
        self.out.clear();
    }
}

fn peer(number: u32) -> SocketAddr {
    let ip = Ipv4Addr::from_bits(0x1400_0000 + number / 4);
    SocketAddr::from((ip, 2000 + (number % 4) as u16))
}

#[test]
fn a_classic_client_takes_less_than_100_bytes() {
    let mut relay = Relay::new(1_000_000);
    let fixed = relay.bytes();
    for number in [30_000, 60_000, 100_000] {
        for client in 0..number {
            relay.hear(peer(client), b"hii", Duration::from_secs(1));
        }
        let each = (relay.bytes() - fixed) / number as usize;
        assert!(each < 100, "{each} bytes for each of {number}");
    }
}

/// Numbers that look like chance and are the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// Any bytes, or something that means something with a few bytes changed, cut off or put behind it.
    fn datagram(&mut self, out: &mut Vec<u8>) {
        const FORMS: [&[u8]; 9] = [
            b"",
            b"hii",
            b"exit server",
            b"to : 20.0.0.7 / 2001 ; content : good morning",
            b"to : [2001:db8::7] / 50123 ; content : good morning",
            b"('20.0.0.7', 2000)",
            b"405, Could not send the message to the requested address",
            b"20.0.0.7/2000 ; content : good morning",
            b"\x02\x03\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0frames",
        ];
        out.clear();
        out.extend_from_slice(FORMS[self.below(FORMS.len())]);
        for _ in 0..self.below(3) {
            let at = self.below(out.len() + 1);
            let byte = self.below(256) as u8;
            match self.below(4) {
                0 if at < out.len() => out[at] = byte,
                1 => out.insert(at, b";:/[]() "[self.below(8)]),
                2 => out.truncate(at),
                _ => out.extend((0..self.below(30)).map(|more| byte.wrapping_mul(more as u8))),
            }
        }
    }
}

#[test]
fn a_million_datagrams_of_any_kind_leave_it_as_small_as_it_may_be() {
    let mut relay = Relay::new(10_000);
    let fixed = relay.bytes();
    let (mut chance, mut datagram) = (Chance(1), Vec::new());
    for number in 0..1_000_000 {
        chance.datagram(&mut datagram);
        let now = Duration::from_micros(number);
        relay.hear(peer(chance.below(60_000) as u32), &datagram, now);
    }
    let grown = relay.bytes() - fixed;
    assert!(grown < 2 * 1024 * 1024, "{grown}");
    let counts = relay.hub.counts(Duration::from_secs(1));
    assert_eq!(counts.received, 1_000_000);
    assert_eq!(counts.classic_clients, 10_000);
    for expected in [
        counts.hellos,
        counts.malformed,
        counts.answers_dropped,
        counts.messages,
        counts.refused,
    ] {
        assert!(expected > 10_000, "{counts:?}");
    }
}
