//! Letters, and what relays of a fleet say to each other: what can be read is written again so that it is read as the
//! same, in no more bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::relay::fleet;
use proto::relay::letter::Letter;
use proto_fuzz::survives;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (header, bulk) = input;
    survives::<Letter>(header, bulk);
    survives::<fleet::Passed>(header, bulk);
    survives::<fleet::Told>(header, bulk);
    survives::<fleet::MailWaits>(header, bulk);
    survives::<fleet::Here>(header, bulk);
    survives::<fleet::Said>(header, bulk);
    survives::<fleet::Beat>(header, bulk);
    survives::<fleet::Asked>(header, bulk);
    survives::<fleet::Listed>(header, bulk);
});
