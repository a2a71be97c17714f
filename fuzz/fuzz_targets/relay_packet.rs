//! The links of a relay's sessions: whatever a path does to packets, all that was said comes once and in order as soon as
//! it lets them through; and whatever the other side says, what is kept has a bound.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::relay::native::Token;
use proto::relay::native::link::{Link, Received};
use proto::relay::native::packet::{HEAD, Head, MAX_FRAME};

const TOKEN: Token = Token(*b"a token!");

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    steps: Vec<Step>,
    lies: Vec<Lie<'a>>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// One of the two says so many frames of such a length.
    Says(bool, u8, u8),
    /// What is to be sent goes onto the path; of each eight packets these are lost.
    Sends(bool, u8),
    /// Of those on the path this one comes, and may come again.
    Comes(u8, bool),
    /// So many milliseconds pass.
    Passes(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Lie<'a> {
    Bytes(&'a [u8]),
    /// A head of this session, whatever it says.
    Head([u8; HEAD - 10], u8, &'a [u8]),
    Says(u8),
    Passes(u8),
    Window(u16),
}

fuzz_target!(|input: Input<'_>| {
    honest(&input.steps);
    lied_to(&input.lies);
});

#[derive(Debug)]
struct Side {
    link: Link,
    said: Vec<u8>,
    heard: Vec<u8>,
}

struct Net {
    now: Duration,
    sides: [Side; 2],
    path: Vec<(usize, Vec<u8>)>,
}

impl Net {
    fn new() -> Self {
        let side = || Side {
            link: Link::new(TOKEN),
            said: Vec::new(),
            heard: Vec::new(),
        };
        Self {
            now: Duration::from_secs(1),
            sides: [side(), side()],
            path: Vec::new(),
        }
    }

    fn says(&mut self, who: usize, count: u8, length: u8) {
        let side = &mut self.sides[who];
        for byte in 0..count % 32 {
            let frame = vec![byte; 1 + usize::from(length) * MAX_FRAME / 256];
            side.link.push(&frame);
            side.said.extend_from_slice(&frame);
        }
    }

    fn sends(&mut self, who: usize, lost: u8) {
        let (path, mut at) = (&mut self.path, 0);
        self.sides[who].link.transmit(self.now, |packet| {
            assert!(Head::decode(packet).is_some());
            if lost & (1 << (at % 8)) == 0 {
                path.push((1 - who, packet.to_vec()));
            }
            at += 1;
        });
    }

    fn comes(&mut self, place: usize, again: bool) {
        if self.path.is_empty() {
            return;
        }
        let place = place % self.path.len();
        let (to, packet) = match again {
            true => self.path[place].clone(),
            false => self.path.remove(place),
        };
        let side = &mut self.sides[to];
        match side.link.receive(&packet, self.now) {
            Received::Next(frames) => side.heard.extend_from_slice(frames),
            Received::Nothing => return,
            Received::Foreign => panic!("expected a packet of this session"),
        }
        while let Some(frames) = side.link.next_waiting() {
            side.heard.extend_from_slice(&frames);
        }
    }

    /// The path is a good one from now on.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.sends(0, 0);
            self.sends(1, 0);
            let deadlines = self.sides.iter().filter_map(|side| side.link.deadline());
            match deadlines.min() {
                _ if !self.path.is_empty() => self.now += Duration::from_millis(1),
                Some(next) => self.now = self.now.max(next),
                None => return,
            }
            while !self.path.is_empty() {
                self.comes(0, false);
            }
        }
        panic!("expected an end");
    }
}

fn honest(steps: &[Step]) {
    let mut net = Net::new();
    for step in steps {
        match *step {
            Step::Says(who, count, length) => net.says(who.into(), count, length),
            Step::Sends(who, lost) => net.sends(who.into(), lost),
            Step::Comes(place, again) => net.comes(place.into(), again),
            Step::Passes(time) => net.now += Duration::from_millis(time.into()),
        }
    }
    net.settle();
    for (one, other) in [(0, 1), (1, 0)] {
        let (said, heard) = (&net.sides[one].said, &net.sides[other].heard);
        assert!(
            said == heard,
            "said {} bytes, heard {}",
            said.len(),
            heard.len()
        );
        assert_eq!(net.sides[one].link.backlog(), 0);
    }
}

fn lied_to(lies: &[Lie<'_>]) {
    let (mut link, mut now, mut said) = (Link::new(TOKEN), Duration::from_secs(1), 0);
    for lie in lies {
        match lie {
            Lie::Bytes(bytes) => {
                link.receive(bytes, now);
            }
            Lie::Head(fields, flags, frames) => {
                let start = [&[2, flags & 7], &TOKEN.0[..]].concat();
                link.receive(&[&start, &fields[..], frames].concat(), now);
            }
            Lie::Says(count) => {
                for _ in 0..*count {
                    link.push(&[7; 100]);
                }
                said += 100 * usize::from(*count);
            }
            Lie::Passes(time) => now += Duration::from_millis(u64::from(*time) * 10),
            Lie::Window(packets) => link.set_window(*packets),
        }
        while link.next_waiting().is_some() {}
        link.transmit(now, |packet| assert!(Head::decode(packet).is_some()));
        assert!(link.backlog() <= said && link.kept() <= 1024 * MAX_FRAME);
        assert!(link.backlog() == 0 || link.deadline().is_some_and(|at| at > now));
    }
}
