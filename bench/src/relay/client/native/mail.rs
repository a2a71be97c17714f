//! Mail: who sends to names that are away, and who comes back.

use std::net::SocketAddrV4;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use proto::relay::native::Name;
use proto::relay::native::frames::{To, Wants};
use runtime::udp::Options;

use super::super::keeping::{Keeper, cpu_time, of_all};
use super::super::pump::{Came, LONG_PATIENCE};
use super::super::told::Told;
use super::{Member, Native, name, registered};

/// The number of the sender among the names; those who are away come after it.
const SENDER: u32 = 0;

/// The names that one sender writes to: a client keeps the keys of no more than 65,536.
const OF_ONE: usize = 50_000;

/// How many come and go together.
const TOGETHER: usize = 100;

/// A sender, or several for very many names, and those who are away.
pub(in crate::relay::client) struct Sender {
    native: Native,
    away: Vec<Name>,
    said: usize,
    heard: usize,
}

impl Sender {
    /// So many register and go; who writes to them stays.
    pub(in crate::relay::client) fn to(
        server: SocketAddrV4,
        content: &[u8],
        away: u32,
    ) -> Result<Self> {
        let away: Vec<_> = (SENDER + 1..=SENDER + away).collect();
        away.chunks(TOGETHER)
            .try_for_each(|some| go(server, some))?;
        let away = away.into_iter().map(|number| Ok(name(number)?.0));
        let away = away.collect::<Result<Vec<_>>>()?;
        let began = Instant::now();
        let numbers = std::iter::once(SENDER).chain((0..u32::MAX).rev());
        let senders = numbers.take(away.len().div_ceil(OF_ONE));
        let options = Options::default();
        let members = senders.map(|number| registered(server, &options, Some(number), began));
        let native = Native {
            began,
            members: members.collect::<Result<_>>()?,
            to: To::Name(*away.first().context("nobody is away")?),
            content: content.to_vec(),
        };
        Ok(Self {
            native,
            away,
            said: 0,
            heard: 0,
        })
    }
}

/// Registers under these names, and ends the sessions.
fn go(server: SocketAddrV4, numbers: &[u32]) -> Result<()> {
    let began = Instant::now();
    let open = |number| Member::open(server, &Options::default(), Some(name(number)?), began);
    let members: Vec<_> = numbers.iter().copied().map(open).collect::<Result<_>>()?;
    let mut native = Native {
        began,
        members,
        to: To::Name(name(SENDER)?.0),
        content: Vec::new(),
    };
    native.all_go_on_until(|member| member.at().is_some())?;
    native.members.iter_mut().for_each(Member::close);
    native.all_go_on_until(Member::is_done)
}

impl Native {
    /// Takes what comes until this is so of all.
    fn all_go_on_until(&mut self, is_so: impl Fn(&Member) -> bool) -> Result<()> {
        let last = Instant::now() + LONG_PATIENCE;
        let now = self.began.elapsed();
        self.members
            .iter_mut()
            .try_for_each(|member| member.flush(now))?;
        while !self.members.iter().all(&is_so) {
            ensure!(Instant::now() < last, "the relay takes too long");
            self.take(LONG_PATIENCE)?;
        }
        Ok(())
    }
}

impl Keeper for Sender {
    fn say(&mut self) -> Result<()> {
        let native = &mut self.native;
        let place = self.said % self.away.len();
        let to = To::Name(self.away[place]);
        let now = native.began.elapsed();
        native.members[place / OF_ONE].say(to, &native.content, Wants::Nothing, now)?;
        self.said += 1;
        Ok(())
    }

    fn hear(&mut self) -> Result<u64> {
        let native = &mut self.native;
        let now = native.began.elapsed();
        native
            .members
            .iter_mut()
            .try_for_each(|sender| sender.flush(now))?;
        let until = now + LONG_PATIENCE;
        loop {
            let left = until.saturating_sub(native.began.elapsed());
            let answers = native.take(left)?.answers;
            self.heard += usize::try_from(answers)?;
            ensure!(
                !left.is_zero() || answers > 0,
                "of {} messages {} are not answered",
                self.said,
                self.said - self.heard
            );
            if answers > 0 {
                return Ok(answers);
            }
        }
    }
}

/// Comes back under the first name of those who were away, and takes what waits. The time is that from before it registers.
pub(in crate::relay::client) fn drain(
    server: SocketAddrV4,
    content: &[u8],
    count: u64,
) -> Result<Told> {
    let (cpu, began) = (cpu_time()?, Instant::now());
    let receiver = Member::open(server, &Options::default(), Some(name(SENDER + 1)?), began)?;
    let mut native = Native {
        began,
        members: vec![receiver],
        to: To::Name(name(SENDER)?.0),
        content: content.to_vec(),
    };
    native.members[0].flush(began.elapsed())?;
    let (mut came, mut last) = (0, Instant::now());
    while came < count {
        let more = native.take(LONG_PATIENCE)?;
        came += more.deliveries;
        match more == Came::default() {
            true => ensure!(last.elapsed() < LONG_PATIENCE, "only {came} messages came"),
            false => last = Instant::now(),
        }
    }
    ensure!(came == count, "{came} messages came, more than wait");
    let told = of_all(count, began, cpu)?;
    native.members[0].close();
    native.members[0].go_on_until(began, Member::is_done)?;
    Ok(told)
}
