//! What is at a path, ready to be sent: its variants, how each is held, and heads that are written once.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proto::http::{
    Accepted, Answer, Coding, Date, Prebuilt, Representation, Request, Validators, Varies,
    Version as Http, media,
};
use runtime::beneath::Facts;

use super::{Seen, Version, packing};

/// The longest file that is held in memory, in bytes; of longer ones the descriptor is, since to have the system send it by
/// itself takes less than to copy it (measured over loopback: 7 to 11 and 10 µs for 16 KiB, 12 and 18 for 64 KiB).
pub(crate) const LONGEST_HELD: u64 = 16 * 1024;

/// A file that was changed so shortly before it was looked at may be changed again within the tick of the system's clock,
/// and look the same.
const TICK: Duration = Duration::from_millis(50);

/// What a resource and its place in the tables take besides its content, in bytes, or a little less.
const OVERHEAD: usize = 1024;

/// What is at a path.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The file itself.
    pub(crate) plain: Rc<Variant>,
    /// It compressed, as it lies beside it.
    packed: Vec<Rc<Variant>>,
    /// It compressed, as it was made here.
    made: RefCell<Vec<Rc<Variant>>>,
    /// All codings that it can be sent in, those first that we like best.
    offered: Vec<Coding>,
    /// Whether it becomes shorter when it is compressed, as far as was tried.
    worth: Cell<bool>,
    /// What it was made of.
    marks: Marks,
}

/// Which files a resource was made of, and which state of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marks(Vec<(Coding, (u64, u64, i128))>);

/// One way to send it.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) media: &'static str,
    pub(crate) coding: Coding,
    /// In bytes; `None` where it is made while it is sent.
    pub(crate) length: Option<u64>,
    pub(crate) validators: Validators,
    pub(crate) varies: Varies,
    pub(crate) held: Held,
    /// Its head as it mostly is, once it was needed.
    head: OnceCell<Prebuilt>,
}

/// What there is of a content.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// All of it.
    Body(Bytes),
    /// Where it is read from.
    File(Arc<File>),
}

/// Whether something is compressed that is not so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compress {
    Yes,
    No,
}

/// What is to be sent.
#[derive(Debug)]
pub(crate) enum Choice {
    /// This.
    Variant(Rc<Variant>),
    /// The plain one, compressed so, which nobody has done yet.
    Make(Coding),
}

impl Resource {
    /// From descriptors: nothing is read.
    pub(crate) fn open(seen: Seen, compress: Compress) -> Self {
        Self::build(seen, compress, |version| {
            Ok(Held::File(Arc::new(version.file)))
        })
        .unwrap_or_else(|_| unreachable!("nothing is read"))
    }

    /// With short content in memory.
    ///
    /// # Errors
    /// Those of the system; `Interrupted` when it was changed meanwhile.
    pub(crate) fn read(seen: Seen, compress: Compress) -> io::Result<Self> {
        Self::build(seen, compress, |version| {
            if version.facts.length > LONGEST_HELD {
                return Ok(Held::File(Arc::new(version.file)));
            }
            Ok(Held::Body(read_whole(&version.file, &version.facts)?))
        })
    }

    fn build(
        seen: Seen,
        compress: Compress,
        hold: impl Fn(Version) -> io::Result<Held>,
    ) -> io::Result<Self> {
        let marks = Marks::of(&seen);
        let media = seen.media;
        let length = seen.plain.facts.length;
        let mut offered: Vec<Coding> = seen.packed.iter().map(|one| one.coding).collect();
        if compress == Compress::Yes && packing::pays(media, length) {
            offered.extend(packing::MADE.iter().filter(|one| !marks.has(**one)));
        }
        // Also where nothing lies beside it now, or nobody has looked.
        let varies = if media::is_compressible(media) {
            Varies::ByCoding
        } else {
            Varies::No
        };
        offered.push(Coding::Identity);
        let variant = |version: Version| -> io::Result<Rc<Variant>> {
            Ok(Rc::new(Variant {
                media,
                coding: version.coding,
                length: Some(version.facts.length),
                validators: validators(&version.facts),
                varies,
                held: hold(version)?,
                head: OnceCell::new(),
            }))
        };
        Ok(Self {
            plain: variant(seen.plain)?,
            packed: seen
                .packed
                .into_iter()
                .map(variant)
                .collect::<io::Result<_>>()?,
            made: RefCell::default(),
            offered,
            worth: Cell::new(true),
            marks,
        })
    }

    /// What suits a request best.
    pub(crate) fn choose(&self, request: &Request<'_>) -> Choice {
        if self.offered.len() == 1 {
            return Choice::Variant(Rc::clone(&self.plain));
        }
        let accepted = Accepted::of(request.fields.accept_encoding.as_deref());
        // Who takes nothing at all is sent what there is (RFC 9110, section 12.5.3).
        let coding = accepted.best(&self.offered).unwrap_or(Coding::Identity);
        let is_it = |one: &&Rc<Variant>| one.coding == coding;
        if let Some(packed) = self.packed.iter().find(is_it) {
            return Choice::Variant(Rc::clone(packed));
        }
        // What is made is made for whole answers: parts of it would not fit each other when it is made again.
        let is_whole = request.fields.range.is_none() && request.version == Http::Http11;
        if coding == Coding::Identity || !is_whole || !self.worth.get() {
            return Choice::Variant(Rc::clone(&self.plain));
        }
        let made = self.made.borrow();
        let made = made.iter().find(is_it).cloned();
        made.map_or(Choice::Make(coding), Choice::Variant)
    }

    /// The plain one compressed, as it is said before it is done.
    pub(crate) fn to_make(&self, coding: Coding) -> Variant {
        let plain = &self.plain;
        Variant {
            media: plain.media,
            coding,
            length: None,
            validators: plain.validators.compressed(coding),
            varies: Varies::ByCoding,
            held: plain.held.clone(),
            head: OnceCell::new(),
        }
    }

    /// It does not become shorter: nobody need try again.
    pub(crate) fn is_not_worth_it(&self) {
        self.worth.set(false);
    }

    /// Keeps what was made.
    pub(crate) fn add(&self, made: Rc<Variant>) {
        self.made.borrow_mut().push(made);
    }

    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What it takes of the memory, in bytes, and how many descriptors.
    pub(crate) fn cost(&self) -> (usize, usize) {
        let made = self.made.borrow();
        let all = self.packed.iter().chain(&*made).chain([&self.plain]);
        all.fold((0, 0), |(bytes, files), one| match &one.held {
            Held::Body(body) => (bytes + body.len() + OVERHEAD, files),
            Held::File(_) => (bytes + OVERHEAD, files + 1),
        })
    }
}

impl Marks {
    pub(crate) fn of(seen: &Seen) -> Self {
        let all = [&seen.plain].into_iter().chain(&seen.packed);
        Self(all.map(|one| (one.coding, one.facts.identity)).collect())
    }

    fn has(&self, coding: Coding) -> bool {
        self.0.iter().any(|one| one.0 == coding)
    }

    /// Whether each of them is at the end of a path.
    pub(crate) fn are_at(&self, ends: &[Option<(u64, u64)>]) -> bool {
        let is_there = |(device, inode, _): (u64, u64, i128)| ends.contains(&Some((device, inode)));
        self.0.iter().all(|(_, identity)| is_there(*identity))
    }

    /// Whether any was changed so shortly before that another change may look the same.
    pub(crate) fn are_fresh(&self, now: SystemTime) -> bool {
        self.0.iter().any(|(_, identity)| is_fresh(identity.2, now))
    }
}

impl Variant {
    /// What is known of it before its bytes are looked at; `more` are further header lines.
    pub(crate) fn representation<'a>(&'a self, more: &'a [u8]) -> Representation<'a> {
        Representation {
            length: self.length,
            media: self.media,
            coding: self.coding,
            validators: Some(&self.validators),
            varies: self.varies,
            more,
        }
    }

    /// Answers a request that asks for all of it under no condition, with a head that was written before; `None` for others.
    pub(crate) fn answer_plainly(
        &self,
        request: &Request<'_>,
        more: &[u8],
        date: &Date,
        out: &mut Vec<u8>,
    ) -> Option<Answer> {
        if let Some(head) = self.head.get() {
            return head.answer(request, date, out);
        }
        let head = self.representation(more).prebuild(date)?;
        self.head.get_or_init(|| head).answer(request, date, out)
    }
}

/// What tells this state of a file from all others: which file it is, when anything of it was last changed, how long it is;
/// without saying any of that.
fn validators(facts: &Facts) -> Validators {
    let (device, inode, changed) = facts.identity;
    let (early, late) = ((changed >> 64) as u64, changed as u64);
    let known = [device, inode, early, late, facts.length];
    let tag = known.into_iter().fold(0, |tag, value| mix(tag ^ value));
    Validators::strong(&[tag], Some(facts.modified))
}

/// Spreads a number over all its bits, and no two to the same (the end of splitmix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Whether a file that was changed then, in nanoseconds, may be changed again and look the same.
fn is_fresh(changed: i128, now: SystemTime) -> bool {
    let now = now.duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos().cast_signed());
    changed.saturating_add(TICK.as_nanos().cast_signed()) > now
}

fn read_whole(file: &File, facts: &Facts) -> io::Result<Bytes> {
    let length = usize::try_from(facts.length).unwrap_or(usize::MAX);
    let mut body = Vec::with_capacity(length + 1);
    file.take(facts.length + 1).read_to_end(&mut body)?;
    if body.len() != length {
        return Err(io::ErrorKind::Interrupted.into());
    }
    body.shrink_to_fit();
    Ok(body.into())
}

/// Reads from a place in a file, whoever else reads it.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, at)
}

/// Reads from a place in a file, whoever else reads it.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, room, at)
}
