//! The month service: a conversation answers every request, little else, and no answer; and two services that are set
//! on each other fall silent.
//!
//! The input is the client's datagrams, with a byte 0xFF between them: no text holds one, and 0xFE is just as bad.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::answer::is_answer;
use proto::months::{Conversation, MAX_REJECTED_IN_A_ROW, Reply, Request};

fuzz_target!(|input: &[u8]| {
    let mut client = Client::default();
    for datagram in input.split(|byte| *byte == 0xff) {
        request(datagram);
        reply(datagram);
        two_services(client.conversation, datagram);
        client.says(datagram);
    }
});

#[derive(Default)]
struct Client {
    conversation: Conversation,
    introduced: bool,
    /// Since the last request.
    usages: u8,
}

impl Client {
    fn says(&mut self, datagram: &[u8]) {
        let request = Request::decode(datagram);
        let replied = self.conversation.reply(datagram);
        match replied {
            _ if is_answer(datagram) && !is_integer(datagram) => assert_eq!(replied, None),
            None => {
                assert!(self.introduced && request.is_none());
                assert_eq!(self.usages, MAX_REJECTED_IN_A_ROW);
            }
            Some(Reply::Introduction) => assert!(!self.introduced),
            Some(Reply::Usage) => {
                assert!(self.introduced && request.is_none());
                self.usages += 1;
                assert!(self.usages <= MAX_REJECTED_IN_A_ROW);
            }
            Some(Reply::Name(month)) => {
                assert!(self.introduced);
                assert_eq!(request, Some(Request::Name(month)));
            }
            Some(Reply::Goodbye) => {
                assert!(self.introduced);
                assert_eq!(request, Some(Request::End));
            }
        }
        let was_introduced = self.introduced;
        self.introduced |= replied.is_some();
        if was_introduced && request.is_some() {
            assert!(replied.is_some(), "every request has its answer");
            self.usages = 0;
        }
        if replied == Some(Reply::Goodbye) {
            *self = Self::default();
        }
    }
}

/// A person may mean it, so it is answered though the relay has such answers.
fn is_integer(datagram: &[u8]) -> bool {
    datagram.trim_ascii().iter().all(u8::is_ascii_digit)
}

/// What a request is, std knows as well; and one that was read can be written.
fn request(datagram: &[u8]) {
    let request = Request::decode(datagram);
    let number = std::str::from_utf8(datagram.trim_ascii())
        .ok()
        .and_then(|text| text.parse::<u8>().ok())
        .filter(|number| *number <= 12);
    let decoded = request.map(|request| match request {
        Request::Name(month) => month.number(),
        Request::End => 0,
    });
    assert_eq!(decoded, number);
    if let Some(request) = request {
        let mut wire = Vec::new();
        request.encode(&mut wire);
        assert_eq!(Request::decode(&wire), Some(request));
        assert!(!is_answer(&wire));
    }
}

fn reply(datagram: &[u8]) {
    let Some(reply) = Reply::decode(datagram) else {
        return;
    };
    let mut wire = Vec::new();
    reply.encode(&mut wire);
    assert_eq!(wire, datagram);
    assert_eq!(is_answer(datagram), !matches!(reply, Reply::Name(_)));
}

/// At the worst a number gets a name, the name gets the usage, and that is known for an answer.
fn two_services(mut ours: Conversation, datagram: &[u8]) {
    let mut theirs = Conversation::default();
    let mut on_the_wire = datagram.to_vec();
    for exchange in 0.. {
        let (first, second) = (&mut ours, &mut theirs);
        let service = if exchange % 2 == 0 { first } else { second };
        let Some(reply) = service.reply(&on_the_wire) else {
            break;
        };
        assert!(exchange < 2, "{reply:?} after {on_the_wire:?}");
        on_the_wire = reply.as_str().into();
    }
}
