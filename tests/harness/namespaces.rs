//! Hosts that a test makes for itself: network namespaces (Linux), with cables between them as the test wants them. They
//! need the right to make them and ip(8).

#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(target_os = "linux")]
use std::thread;

#[cfg(target_os = "linux")]
use nix::sched::{CloneFlags, setns};

use super::skip;

/// Network namespaces, which go with this.
#[derive(Debug)]
pub struct Namespaces {
    names: Vec<String>,
}

impl Namespaces {
    /// So many, set up by these commands, in which `{a}` stands for the name of the first, `{b}` of the second and so on.
    /// The names may serve as those of interfaces, too. `None`, after saying so, where this process may not do it.
    pub fn new(count: u8, steps: &[&str]) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (id, set) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let letters = (b'a'..).take(count.into()).map(char::from);
        let namespaces = Self {
            names: letters
                .map(|letter| format!("pl{id}{letter}{set}"))
                .collect(),
        };
        let added = namespaces.names.iter();
        let added = added.map(|name| format!("ip netns add {name}"));
        let set_up = steps.iter().map(|step| namespaces.named(step));
        for step in added.chain(set_up) {
            if let Err(why) = carry_out(&step) {
                skip(&format!("no network to measure: {step}: {why}"));
                return None;
            }
        }
        Some(namespaces)
    }

    fn named(&self, step: &str) -> String {
        let names = ('a'..).zip(&self.names);
        names.fold(step.to_owned(), |step, (letter, name)| {
            step.replace(&format!("{{{letter}}}"), name)
        })
    }

    /// Carries out a further command.
    ///
    /// # Panics
    /// Where it fails.
    pub fn change(&self, step: &str) {
        let step = self.named(step);
        carry_out(&step).unwrap_or_else(|why| panic!("{step}: {why}"));
    }

    /// One of our programs in one of them, by its letter.
    ///
    /// # Panics
    /// Where there is no such namespace.
    pub fn command(&self, letter: char, program: &str, args: &[&str]) -> Command {
        let within = self.within(letter);
        let mut command = Command::new(&within[0]);
        command.args(&within[1..]);
        command.arg(super::program(program)).args(args);
        command
    }

    /// What stands before a command that is to run in one of them.
    pub(super) fn within(&self, letter: char) -> [String; 4] {
        let name = self.name(letter).to_owned();
        ["ip".into(), "netns".into(), "exec".into(), name]
    }

    /// A socket of this process in one of them, on any address that it has.
    ///
    /// # Panics
    /// Where there is no such namespace.
    #[cfg(target_os = "linux")]
    pub fn socket(&self, letter: char) -> UdpSocket {
        let path = format!("/var/run/netns/{}", self.name(letter));
        let namespace = File::open(path).expect("a namespace of this name");
        // A thread that has gone there does not come back.
        let there = thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("the way there");
            UdpSocket::bind("0.0.0.0:0").expect("a port there")
        });
        there.join().expect("a socket")
    }

    fn name(&self, letter: char) -> &str {
        let named = ('a'..).zip(&self.names);
        let mut of_letter = named.filter(|(other, _)| *other == letter);
        let (_, name) = of_letter.next().expect("a namespace of this letter");
        name
    }
}

fn carry_out(step: &str) -> Result<(), String> {
    let words: Vec<_> = step.split(' ').collect();
    let done = Command::new(words[0]).args(&words[1..]).output();
    let done = done.map_err(|error| error.to_string())?;
    if done.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).trim().to_owned())
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            // It may never have come to be.
            let _ = carry_out(&format!("ip netns delete {name}"));
        }
    }
}
