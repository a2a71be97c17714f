//! Senders and receivers at work, while something happens to their relays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use proto::relay::native::Name;

use super::{Count, Place, Program, Random, Tally};

/// What a receiver does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// It is there all the time.
    Stays,
    /// It loses its network now and then, and comes back at another address.
    Roams,
    /// It ends now and then, and is started again.
    Restarts,
}

/// Who takes part.
pub(crate) struct Play<'a> {
    pub(crate) senders: &'a [&'a str],
    pub(crate) receivers: &'a [(&'a str, Habit)],
    pub(crate) place: Place,
    /// Each begins at another one.
    pub(crate) relays: &'a [SocketAddr],
    pub(crate) seed: u64,
}

/// Ends loops that wait for it, also where a test fails.
#[derive(Default)]
struct End(AtomicBool);

impl End {
    fn come(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Ends<'a>([&'a End; 2]);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|end| end.come());
    }
}

impl Play<'_> {
    /// Has all work while this happens, then lets the senders finish and the receivers hear what is theirs.
    pub(crate) fn run(&self, happens: impl FnOnce(&Tally)) -> (Count, Arc<Tally>) {
        let tally = Arc::new(Tally::default());
        self.introduce(&tally);
        let (said, heard) = (End::default(), End::default());
        thread::scope(|scope| {
            let _ends = Ends([&said, &heard]);
            let (tally, said, heard) = (&tally, &said.0, &heard.0);
            let start = |number: usize| {
                let sender = self.senders[number];
                scope.spawn(move || self.send(number, sender, tally, said))
            };
            let senders: Vec<_> = (0..self.senders.len()).map(start).collect();
            for (number, (name, habit)) in self.receivers.iter().enumerate() {
                scope.spawn(move || self.receive(number, name, *habit, tally, heard));
            }
            happens(tally);
            said.store(true, Ordering::Relaxed);
            for sender in senders {
                sender.join().expect("a sender that ends well");
            }
            tally.check();
        });
        // What came while they said goodbye counts, too.
        (tally.check(), tally)
    }

    /// The receivers' names become known; with a message for each that is kept, they are so for good.
    fn introduce(&self, tally: &Arc<Tally>) {
        for (number, (name, _)) in self.receivers.iter().enumerate() {
            let mut known = self.program(name, number, tally);
            known.until_registered();
            known.close();
        }
        let mut first = self.program("first", 0, tally);
        for (number, name) in self.names().into_iter().enumerate() {
            first.say(name, number as u64, 100);
        }
        first.until_answered();
        first.close();
    }

    fn names(&self) -> Vec<Name> {
        let names = self.receivers.iter().map(|(name, _)| name.parse().unwrap());
        names.collect()
    }

    fn send(&self, number: usize, name: &str, tally: &Arc<Tally>, said: &AtomicBool) {
        let mut random = Random(self.seed + number as u64);
        let program = self.program(name, number, tally);
        program.say_until(said, &self.names(), &mut random).close();
    }

    fn receive(
        &self,
        number: usize,
        name: &str,
        habit: Habit,
        tally: &Arc<Tally>,
        heard: &AtomicBool,
    ) {
        let mut random = Random(self.seed + 1000 + number as u64);
        let start = |turn: usize| self.program(name, turn, tally);
        let (mut program, mut turn) = (start(number), number);
        while !heard.load(Ordering::Relaxed) {
            program.stay(Duration::from_millis(random.within(5..400)));
            let away = Duration::from_millis(random.within(0..600));
            match habit {
                Habit::Stays => {}
                Habit::Roams => program.roam(away),
                Habit::Restarts => {
                    program.close();
                    thread::sleep(away);
                    turn += 1;
                    program = start(turn);
                }
            }
        }
        program.close();
    }

    /// A program that begins at another relay for each number.
    fn program(&self, name: &str, number: usize, tally: &Arc<Tally>) -> Program {
        let mut relays = self.relays.to_vec();
        relays.rotate_left(number % self.relays.len());
        Program::at(self.place.clone(), Some(name), &relays, tally)
    }
}
