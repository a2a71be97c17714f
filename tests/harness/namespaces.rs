//! Hosts that a test makes for itself: network namespaces (Linux), with cables between them as the test wants them. They
//! need the right to make them and ip(8).

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// One of our programs in one of them, by its letter.
    ///
    /// # Panics
    /// Where there is no such namespace.
    pub fn command(&self, letter: char, program: &str, args: &[&str]) -> Command {
        let (_, name) = ('a'..)
            .zip(&self.names)
            .find(|(other, _)| *other == letter)
            .expect("a namespace of this letter");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name]);
        command.arg(super::program(program)).args(args);
        command
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
