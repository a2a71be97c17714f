//! Clients of the native wire: a sender, and receivers or the members of a room, all in one thread.

pub(super) mod mail;
mod member;

use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use proto::relay::native::client::SendError;
use proto::relay::native::frames::{To, Wants};
use proto::relay::native::{Identity, Name};
use runtime::udp::Options;

use super::pump::{Came, Pair, Wait};
use member::Member;

/// How long nothing may come: what is lost on the way is said again sooner.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a client may take to get where it is to be.
const BEGINNING: Duration = Duration::from_secs(10);

/// A sender and those who receive.
pub(super) struct Native {
    began: Instant,
    /// The sender is the first.
    members: Vec<Member>,
    to: To,
    content: Vec<u8>,
}

/// A sender and a receiver, neither with a name, so that nothing is sealed.
pub(super) fn pair(server: SocketAddrV4, content: &[u8]) -> Result<Native> {
    let began = Instant::now();
    let mut members = Vec::new();
    for _ in 0..2 {
        members.push(registered(server, &Options::default(), None, began)?);
    }
    let receiver = members[1].at().context("the receiver has no address")?;
    Ok(Native {
        began,
        members,
        to: To::Address(receiver),
        content: content.to_vec(),
    })
}

/// A sender at this relay, and a receiver at another one that serves the same community. They have names.
pub(super) fn apart(
    sender: SocketAddrV4,
    receiver: SocketAddrV4,
    content: &[u8],
) -> Result<Native> {
    let began = Instant::now();
    let mut members = Vec::new();
    for (number, server) in (0..).zip([sender, receiver]) {
        let options = Options::default();
        members.push(registered(server, &options, Some(number), began)?);
    }
    Ok(Native {
        began,
        members,
        to: To::Name(name(1)?.0),
        content: content.to_vec(),
    })
}

/// A room with so many members beside the sender.
pub(super) fn room(server: SocketAddrV4, content: &[u8], members: usize) -> Result<Native> {
    let began = Instant::now();
    let name = Name::new(b"room").context("this is no name")?;
    let joined = |_| {
        let mut member = registered(server, &Options::default(), None, began)?;
        member.join(name, began)?;
        member.go_on_until(began, Member::has_joined)?;
        Ok(member)
    };
    let members = (0..=members).map(joined).collect::<Result<_>>()?;
    let mut native = Native {
        began,
        members,
        to: To::Room(name),
        content: content.to_vec(),
    };
    native.settle()?;
    Ok(native)
}

/// Registers a client at this address, with a name of its own where it is numbered, and leaves it.
pub(in crate::relay) fn register(
    server: SocketAddrV4,
    source: SocketAddr,
    number: Option<u32>,
) -> Result<()> {
    let options = Options {
        source: Some(source),
        ..Options::default()
    };
    let mut member = registered(server, &options, number, Instant::now())?;
    member.go_on_until(Instant::now(), Member::is_done)
}

fn registered(
    server: SocketAddrV4,
    options: &Options,
    number: Option<u32>,
    began: Instant,
) -> Result<Member> {
    let name = number.map(name).transpose()?;
    let mut member = Member::open(server, options, name, began)?;
    member.go_on_until(began, |member| member.at().is_some())?;
    Ok(member)
}

fn name(number: u32) -> Result<(Name, Identity)> {
    let text = format!("client-{number}");
    let name = Name::new(text.as_bytes()).context("this is no name")?;
    let mut secret = [7; 32];
    secret[..4].copy_from_slice(&number.to_be_bytes());
    Ok((name, Identity::new(secret)))
}

impl Native {
    /// Takes what is there, after waiting for it until a client has something to do, or for so long.
    fn take(&mut self, longest: Duration) -> Result<Came> {
        let now = self.began.elapsed();
        let deadlines = self.members.iter().filter_map(Member::deadline);
        let due = deadlines.min().map(|deadline| deadline.saturating_sub(now));
        let longest = longest.min(due.unwrap_or(longest));
        // Rounded up, so that nobody asks again and again during the last millisecond.
        let timeout = PollTimeout::try_from(longest.as_nanos().div_ceil(1_000_000))?;
        let waited = |member| PollFd::new(member, PollFlags::POLLIN);
        let mut all: Vec<_> = self
            .members
            .iter()
            .map(|member| waited(member.flow().as_fd()))
            .collect();
        poll(&mut all, timeout)?;
        let ready: Vec<bool> = all.iter().map(|one| one.any() == Some(true)).collect();
        let mut came = Came::default();
        for (member, ready) in self.members.iter_mut().zip(ready) {
            let more = member.go_on(ready, &self.content, self.began)?;
            came.deliveries += more.deliveries;
            came.answers += more.answers;
        }
        Ok(came)
    }

    /// Goes on until what was said of one member has come to all others.
    fn settle(&mut self) -> Result<()> {
        const QUIET: Duration = Duration::from_millis(50);
        let until = self.began.elapsed() + QUIET;
        while self.began.elapsed() < until {
            self.take(QUIET)?;
        }
        Ok(())
    }
}

impl Pair for Native {
    fn send(&mut self, count: u64) -> Result<u64> {
        let now = self.began.elapsed();
        let (sender, mut sent) = (&mut self.members[0], 0);
        while sent < count {
            match sender.say(self.to, &self.content, Wants::Nothing, now) {
                Ok(()) => sent += 1,
                Err(SendError::Full) => break,
                Err(error) => return Err(error.into()),
            }
        }
        sender.flush(now)?;
        Ok(sent)
    }

    fn receive(&mut self, wait: Wait) -> Result<Came> {
        if wait == Wait::No {
            return self.take(Duration::ZERO);
        }
        let until = self.began.elapsed() + PATIENCE;
        loop {
            let left = until.saturating_sub(self.began.elapsed());
            let came = self.take(left)?;
            if came != Came::default() || left.is_zero() {
                return Ok(came);
            }
        }
    }

    fn is_answered(&self) -> bool {
        true
    }

    fn members(&self) -> u64 {
        self.members.len() as u64 - 1
    }
}

impl Member {
    /// Takes what comes until this is so, for [`BEGINNING`] at most; messages are not expected.
    fn go_on_until(&mut self, began: Instant, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        let last = Instant::now() + BEGINNING;
        self.flush(began.elapsed())?;
        while !is_so(self) {
            ensure!(Instant::now() < last, "the relay takes too long");
            self.wait(began.elapsed())?;
            self.go_on(true, &[], began)?;
        }
        Ok(())
    }
}
