//! The frames of a relay's native wire: what can be read is written again so that it is read as the same, in no more
//! bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::relay::native::{frames, handshake};
use proto_fuzz::survives;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (header, bulk) = input;
    session(header, bulk);
    handshakes(header, bulk);
});

fn session(header: &[u8], bulk: &[u8]) {
    survives::<frames::Send>(header, bulk);
    survives::<frames::Delivery>(header, bulk);
    survives::<frames::Receipt>(header, bulk);
    survives::<frames::Join>(header, bulk);
    survives::<frames::Joined>(header, bulk);
    survives::<frames::Leave>(header, bulk);
    survives::<frames::Ask>(header, bulk);
    survives::<frames::Answer>(header, bulk);
    survives::<frames::Happened>(header, bulk);
    survives::<frames::Read>(header, bulk);
    survives::<frames::Bye>(header, bulk);
}

fn handshakes(header: &[u8], bulk: &[u8]) {
    survives::<handshake::Hello>(header, bulk);
    survives::<handshake::Challenge>(header, bulk);
    survives::<handshake::Register>(header, bulk);
    survives::<handshake::Registered>(header, bulk);
    survives::<handshake::Refused>(header, bulk);
    survives::<handshake::Gone>(header, bulk);
}
