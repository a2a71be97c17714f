//! The server's side of a flood: whatever a client with a token orders and sends, each packet of the current run is
//! counted once, packets go back in an echo alone, and no order of an earlier run is obeyed.
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::measure::flood::{Called, Host, Offload, Order, Phase, Run, RunId, Sender, Train, Way, What};
use proto::measure::{Credentials, Gate, PacketSize, Secret, SessionId};

const ID: SessionId = SessionId(4711);

#[derive(Arbitrary, Debug)]
enum Step {
    Begin { run: u8, way: u8, size: u16 },
    Look { run: u8 },
    End { run: u8 },
    /// Packets of a run, the first ones left out and one of them twice.
    Packets { run: u8, out: u8, count: u8 },
    /// A datagram, which is given a true token or not.
    Bytes { bytes: Vec<u8>, sealed: bool },
}

struct Model {
    run: Option<(u8, Way)>,
    numbers: BTreeSet<u64>,
}

fuzz_target!(|steps: Vec<Step>| {
    let gate = Gate::new(Secret::new([7; 32]), None);
    let peer = ([192, 0, 2, 7], 5000).into();
    let credentials = Arc::new(gate.credentials(peer, ID));
    let mut host = Host::new(ID, Arc::clone(&credentials), None);
    let mut model = Model { run: None, numbers: BTreeSet::new() };
    for step in steps.into_iter().take(100) {
        match step {
            Step::Begin { run, way, size } => begin(&mut host, &mut model, &credentials, run, way, size),
            Step::Look { run } => tell(&mut host, &model, &order(run, What::Look, &credentials)),
            Step::End { run } => {
                let called = host.take(&order(run, What::End, &credentials));
                assert!(matches!(called, Called::End(_)));
            }
            Step::Packets { run, out, count } => {
                packets(&mut host, &mut model, &credentials, run, out, count);
            }
            Step::Bytes { mut bytes, sealed } => {
                // What is true is for the other steps: here it need only be survived, by a host of its own.
                if sealed {
                    credentials.seal(&mut bytes);
                }
                let mut other = Host::new(ID, Arc::clone(&credentials), Some(1));
                other.take(&bytes);
                other.turn(&mut vec![0; 64]);
            }
        }
    }
});

fn order(run: u8, what: What, credentials: &Credentials) -> Vec<u8> {
    let mut packet = Vec::new();
    Order { session: ID, run: RunId(run), sent: 1, what }.encode(&mut packet);
    credentials.seal(&mut packet);
    packet
}

fn begin(host: &mut Host, model: &mut Model, credentials: &Credentials, run: u8, way: u8, size: u16) {
    let way = [Way::There, Way::Back, Way::Echo][usize::from(way % 3)];
    let wanted = Run {
        way,
        size: PacketSize::new(u64::from(size.max(64))).unwrap_or(PacketSize::MAX),
        offload: Offload::default(),
        rate: None,
        duration: Duration::from_secs(1),
    };
    let called = host.take(&order(run, What::Begin(wanted), credentials));
    let is_new = model.run.is_none_or(|(current, _)| (1..=127).contains(&run.wrapping_sub(current)));
    if is_new {
        assert!(matches!(called, Called::Begin(_, begun) if begun == wanted));
        *model = Model { run: Some((run, way)), numbers: BTreeSet::new() };
    } else {
        assert!(matches!(called, Called::Tell(_)));
    }
}

fn tell(host: &mut Host, model: &Model, packet: &[u8]) {
    let Called::Tell(order) = host.take(packet) else {
        panic!("not told");
    };
    let state = host.state(&order);
    assert_eq!(state.phase == Phase::Idle, model.run.is_none());
    assert_eq!(state.counts.received, model.numbers.len() as u64);
    let next = model.numbers.last().map_or(0, |last| last + 1);
    assert_eq!(state.counts.next, next);
}

fn packets(host: &mut Host, model: &mut Model, credentials: &Credentials, run: u8, out: u8, count: u8) {
    // The window of a counter is 128 numbers.
    let (out, count) = (out % 64, count % 64);
    let mut train = Train::new(Sender::Client, (ID, RunId(run)), credentials, 64, 64);
    train.load(out.into(), 0);
    let mut all = train.load(count.into(), 9).to_vec();
    let twice = all[..all.len().min(64)].to_vec();
    all.extend(twice);
    for (place, packet) in all.chunks(64).enumerate() {
        let called = host.take(packet);
        let expected = match model.run {
            Some((current, Way::There)) if current == run => Called::Counted,
            Some((current, Way::Echo)) if current == run => Called::Return,
            _ => Called::Nothing,
        };
        assert_eq!(called, expected);
        if expected != Called::Nothing {
            let place = if place == usize::from(count) { 0 } else { place };
            model.numbers.insert(u64::from(out) + place as u64);
        }
    }
}
