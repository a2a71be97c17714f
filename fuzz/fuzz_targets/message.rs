//! The frames of the native file transfer: what can be read can be written and is read again as the same, and no name
//! leads out of a folder.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use proto::filexfer::native::message::{
    Alive, AskChunks, Chunks, Data, Done, Entry, Filter, Finish, FromBasis, Hole, Kind, Leave,
    MAX_PATTERN, MAX_REASON, MAX_STACK, MAX_TARGET, NotSaved, Parts, Pause, Ready, Refused,
    Removed, Request, Saved, Skipped, Take, Totals, Want,
};
use proto::filexfer::native::name::{MAX_DEPTH, MAX_NAME, MAX_PART, Name};
use proto::frame::{self, Message, Prefix};

fuzz_target!(|wire: &[u8]| {
    if let Ok(name) = Name::new(wire) {
        stays_inside(&name);
    }
    same::<Request>(wire);
    same::<Ready>(wire);
    same::<Leave>(wire);
    same::<Saved>(wire);
    same::<Alive>(wire);
    same::<Done>(wire);
    same::<Totals>(wire);
    same::<Data>(wire);
    same::<FromBasis>(wire);
    same::<Hole>(wire);
    same::<AskChunks>(wire);
    same::<Parts>(wire);
    same::<Chunks>(wire);
    same::<Pause>(wire);
    if let Some(Want { name }) = same(wire) {
        stays_inside(&name);
    }
    if let Some(Entry { name, kind, .. }) = same(wire) {
        stays_inside(&name);
        if let Kind::Link(target) = kind {
            assert!((1..=MAX_TARGET).contains(&target.as_bytes().len()));
            assert!(!target.as_bytes().contains(&0));
        }
    }
    if let Some(Removed { name }) = same(wire) {
        stays_inside(&name);
    }
    if let Some(Skipped { path, reason, .. }) = same(wire) {
        assert!(path.as_bytes().len() <= MAX_NAME);
        assert!(reason.as_str().len() <= MAX_REASON);
    }
    if let Some(Filter::Include(pattern) | Filter::Exclude(pattern) | Filter::IgnoreFile(pattern)) =
        same(wire)
    {
        assert!((1..=MAX_PATTERN).contains(&pattern.as_str().len()));
    }
    if let Some(Refused::NoSuchName(name)) = same(wire) {
        stays_inside(&name);
    }
    if let Some(Take { stack, .. }) = same(wire) {
        assert!(stack.len() <= MAX_STACK);
    }
    if let Some(NotSaved { reason }) = same(wire) {
        assert!(reason.as_str().len() <= MAX_REASON);
    }
    if let Some(Finish::Failed(reason)) = same(wire) {
        assert!(reason.as_str().len() <= MAX_REASON);
    }
});

/// The message that these bytes are, whatever the kind that they begin with.
fn same<M: Message + PartialEq + Debug>(wire: &[u8]) -> Option<M> {
    let mut wire = wire.to_vec();
    *wire.get_mut(1)? = M::KIND;
    let decoded = frame::decode::<M>(&wire).ok()??;
    let length = Prefix::decode(&wire).ok()??.frame_length();
    assert_eq!(decoded.length as u64, length);
    let mut out = Vec::new();
    assert_eq!(
        frame::encode(&decoded.message, decoded.bulk, &mut out),
        Ok(())
    );
    let again = frame::decode::<M>(&out)
        .expect("it was written")
        .expect("it is whole");
    assert_eq!(
        (&again.message, again.bulk),
        (&decoded.message, decoded.bulk)
    );
    Some(decoded.message)
}

fn stays_inside(name: &Name) {
    assert!((1..=MAX_NAME).contains(&name.as_bytes().len()));
    assert!(name.parts().count() <= MAX_DEPTH);
    for part in name.parts() {
        assert!((1..=MAX_PART).contains(&part.len()));
        assert!(part != b"." && part != b"..");
        assert!(
            !part
                .iter()
                .any(|byte| byte.is_ascii_control() || *byte == b'/')
        );
    }
    // What Windows is asked to make is nothing else than it says.
    if name.is_safe_on_windows() {
        assert!(
            !name
                .as_bytes()
                .iter()
                .any(|byte| b"\\:*?\"<>|".contains(byte))
        );
    }
}
