//! Golden bytes, the order of the checks, and what must hold for any bytes.

use std::net::{IpAddr, SocketAddrV4};

use proptest::prelude::*;

use super::text::strip;
use super::*;

fn message<'a>(to: &str, content: &'a [u8]) -> Message<'a> {
    Message {
        to: to.parse().unwrap(),
        content,
    }
}

fn delivery<'a>(from: &str, content: &'a [u8]) -> Reply<'a> {
    Reply::Delivery {
        from: from.parse().unwrap(),
        content,
    }
}

#[test]
fn golden_messages() {
    let table: &[(&[u8], Message)] = &[
        (
            b"to : 192.0.2.7 / 50123 ; content : hi there",
            message("192.0.2.7:50123", b"hi there"),
        ),
        (
            b"to : [2001:db8::7] / 1 ; content : a;b/c [d] \xff",
            message("[2001:db8::7]:1", b"a;b/c [d] \xff"),
        ),
        (
            b"to : 192.0.2.7 / 65535 ; content : ",
            message("192.0.2.7:65535", b""),
        ),
    ];
    for (wire, message) in table {
        let mut out = Vec::new();
        message.encode(&mut out).unwrap();
        assert_eq!(out, *wire);
        assert_eq!(Incoming::decode(wire), Incoming::Message(*message));
    }
}

#[test]
fn golden_replies() {
    let table: &[(&[u8], Reply)] = &[
        (
            b"('192.0.2.7', 50123)",
            Reply::Address("192.0.2.7:50123".parse().unwrap()),
        ),
        (
            b"('2001:db8::7', 50123, 0, 0)",
            Reply::Address("[2001:db8::7]:50123".parse().unwrap()),
        ),
        (
            b"('fe80::1', 9, 7, 2)",
            Reply::Address(SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 7, 2).into()),
        ),
        (
            b"200, UDP Packet Sent Successfully",
            Reply::Status(Status::Sent),
        ),
        (b"400", Reply::Status(Status::NoSemicolon)),
        (b"401", Reply::Status(Status::Separators)),
        (b"402", Reply::Status(Status::NotTo)),
        (b"403", Reply::Status(Status::PortNotInteger)),
        (b"404", Reply::Status(Status::NotContent)),
        (
            b"405, Could not send the message to the requested address",
            Reply::Status(Status::NotSent),
        ),
        (
            b"192.0.2.7/50123 ; content : hi there",
            delivery("192.0.2.7:50123", b"hi there"),
        ),
        (
            b"[2001:db8::7]/50123 ; content : 400",
            delivery("[2001:db8::7]:50123", b"400"),
        ),
        (b"192.0.2.7/1 ; content : ", delivery("192.0.2.7:1", b"")),
    ];
    for (wire, reply) in table {
        let mut out = Vec::new();
        reply.encode(&mut out).unwrap();
        assert_eq!(out, *wire);
        assert_eq!(Reply::decode(wire), Some(*reply));
        for echoed in [wire.to_ascii_uppercase(), wire.to_ascii_lowercase()] {
            assert_eq!(Incoming::decode(&echoed), Incoming::Answer, "{echoed:?}");
        }
    }
}

#[test]
fn the_code_starts_the_line() {
    for status in Status::ALL {
        assert!(status.as_str().starts_with(&status.code().to_string()));
    }
}

#[test]
fn forms_of_a_message() {
    let hi = |to| Incoming::Message(message(to, b"hi"));
    let table: &[(&[u8], Incoming)] = &[
        (b"hii", Incoming::Hello),
        (b"HiI", Incoming::Hello),
        (b"exit server", Incoming::ExitServer),
        (b"to:192.0.2.7/1;content:hi", hi("192.0.2.7:1")),
        (
            b"\tTO :\n192.0.2.7\r/ 1 ; \x0bConTent:hi\x1c\x1f",
            hi("192.0.2.7:1"),
        ),
        (
            "to: 192.0.2.7\u{a0}/\u{3000}1;content:\u{2003}hi\u{85}".as_bytes(),
            hi("192.0.2.7:1"),
        ),
        (
            b"to : 192.0.2.7 / +00080 ; content : hi",
            hi("192.0.2.7:80"),
        ),
        (b"to:[::1]/5;content:hi", hi("[::1]:5")),
        (
            b"to : [2001:DB8::7] / 5 ; content : hi",
            hi("[2001:db8::7]:5"),
        ),
        (
            b"to:192.0.2.7/1;content: \xff\x1c ",
            Incoming::Message(message("192.0.2.7:1", b"\xff\x1c")),
        ),
    ];
    for (datagram, expected) in table {
        assert_eq!(Incoming::decode(datagram), *expected, "{datagram:?}");
    }
}

/// Every row breaks the rule of its status, and as many of the later ones as can be broken with it.
#[test]
fn the_earliest_broken_rule_wins() {
    let table: &[(&[u8], Status)] = &[
        (b"", Status::NoSemicolon),
        (b" hii", Status::NoSemicolon),
        (b"Exit server", Status::NoSemicolon),
        (b"form : 192.0.2.300 / x : text : a", Status::NoSemicolon),
        (b"form 192.0.2.300 / x ; text : a", Status::Separators),
        (b"form : 192.0.2.300 : / x ; text : a", Status::Separators),
        (b"form : 192.0.2.300 x ; text : a", Status::Separators),
        (b"form : 192.0.2.300 / / x ; text : a", Status::Separators),
        (b"form : 192.0.2.300 / x ; text a", Status::Separators),
        (b"form : 192.0.2.300 / x ; text : a : b", Status::Separators),
        (b"form : 192.0.2.300 / x ;", Status::Separators),
        (b";", Status::Separators),
        (b"to : [::1 / 1 ; content : a", Status::Separators),
        (b"to : ]::1[ / 1 ; content : a", Status::Separators),
        (b"to : ::1 / 1 ; content : a", Status::Separators),
        (b"to [: 192.0.2.7] / 1 ; content : a", Status::Separators),
        (b"to : [::1 ; ] / 1 ; content : a", Status::Separators),
        (b"form : 192.0.2.300 / x ; text : a", Status::NotTo),
        (b": 192.0.2.300 / x ; text : a", Status::NotTo),
        (b"[to : 192.0.2.300 / x ; text : a", Status::NotTo),
        (b"] to : [::/] / x ; text : a", Status::NotTo),
        (b"to / x : 192.0.2.300 ; text : a", Status::NotTo),
        (b"/ to : x ; text : a", Status::NotTo),
        (b"[:] to : [::/] / x ; text : a", Status::NotTo),
        (b"\xff to : 192.0.2.300 / x ; text : a", Status::NotTo),
        (b"to : 192.0.2.300 / x ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / +-1 ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / - 1 ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / 1.0 ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / 1_0 ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / 0x1 ; text : a", Status::PortNotInteger),
        (b"to : [::/:] / [1] ; text : a", Status::PortNotInteger),
        (b"to : 192.0.2.300 / 65536 ; text : a", Status::NotContent),
        (b"to : / 0 ; : a", Status::NotContent),
        (b"to : 192.0.2.300 / 0 ; content ; : a", Status::NotContent),
        (b"to : 192.0.2.300 / 65536 ; content : a", Status::NotSent),
        (b"to : 192.0.2.300 / 1 ; content : a", Status::NotSent),
        (b"to : / 1 ; content : a", Status::NotSent),
        (b"to : localhost / 1 ; content : a", Status::NotSent),
        (b"to : [192.0.2.7] / 1 ; content : a", Status::NotSent),
        (b"to : [::1] [::2] / 1 ; content : a", Status::NotSent),
        (b"to : [fe80::1%2] / 1 ; content : a", Status::NotSent),
        (b"to : 192.0.2.7 / 0 ; content : a", Status::NotSent),
        (b"to : 192.0.2.7 / -1 ; content : a", Status::NotSent),
        (b"to : 192.0.2.7 / 65536 ; content : a", Status::NotSent),
        (
            b"to:192.0.2.7/99999999999999999999999;content:a",
            Status::NotSent,
        ),
        (
            b"to:192.0.2.7/-9999999999999999999999;content:a",
            Status::NotSent,
        ),
        (
            b"to:192.0.2.7/18446744073709551696;content:a", // 2^64 + 80
            Status::NotSent,
        ),
    ];
    for (datagram, expected) in table {
        let text = datagram.escape_ascii();
        assert_eq!(
            Incoming::decode(datagram),
            Incoming::Rejected(*expected),
            "{text}"
        );
    }
}

#[test]
fn replies_in_other_dress_are_answers_too() {
    let table: &[(&[u8], bool)] = &[
        (b" 400\r\n", true),
        (
            b"405, COULD NOT SEND THE MESSAGE TO THE REQUESTED ADDRESS",
            true,
        ),
        (b"192.0.2.7/50123;CONTENT:a : b", true),
        (b"2001:DB8::7 / 50123 ; CONTENT : a", true),
        (b"(  '192.0.2.7' ,50123 )", true),
        (b"400 ; content : a", false),
        (b"405", false),
        (b"406", false),
        (b"('192.0.2.7', 50123, 0, 0)", false),
        (b"('2001:db8::7', 50123)", false),
        (b"('192.0.2.7', 65536)", false),
        (b"('192.0.2.7', +1)", false),
        (b"('192.0.2.7', )", false),
        (b"()", false),
        (b"192.0.2.7/50123 ; text : a", false),
        (b"to : 192.0.2.7 / 50123 ; content : a", false),
        (b"hii", false),
    ];
    for (datagram, expected) in table {
        assert_eq!(
            is_answer(datagram),
            *expected,
            "{}",
            datagram.escape_ascii()
        );
    }
}

#[test]
fn a_datagram_ends_at_the_limit() {
    let fits = [b"to:192.0.2.7/1;content:".as_slice(), &[b'a'; 1001]].concat();
    assert!(matches!(Incoming::decode(&fits), Incoming::Message(_)));
    let over = [fits, vec![b'a']].concat();
    assert_eq!(Incoming::decode(&over), Incoming::TooLong);

    let answer = [b"192.0.2.7/1 ; content : ".as_slice(), &[b'a'; 1001]].concat();
    assert_eq!(Incoming::decode(&answer), Incoming::Answer);
    assert_eq!(Reply::decode(&answer), None);
}

#[test]
fn what_the_wire_cannot_say_is_not_encoded() {
    let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 2);
    let long = [b'a'; 1000];
    let table = [
        (message("192.0.2.7:1", b"a:b"), EncodeError::Colon(1)),
        (message("192.0.2.7:1", b" a"), EncodeError::OuterSpace),
        (message("192.0.2.7:1", b"a\x1f"), EncodeError::OuterSpace),
        (
            message("192.0.2.7:1", "a\u{a0}".as_bytes()),
            EncodeError::OuterSpace,
        ),
        (
            message("192.0.2.7:0", b"a"),
            EncodeError::PortZero("192.0.2.7:0".parse().unwrap()),
        ),
        (
            Message {
                to: scoped.into(),
                content: b"a",
            },
            EncodeError::Scoped(scoped),
        ),
        (message("192.0.2.7:1", &long), EncodeError::TooLong(1031)),
    ];
    for (message, expected) in table {
        let mut out = b"before".to_vec();
        assert_eq!(message.encode(&mut out), Err(expected));
        assert_eq!(out, b"before", "{expected}");
    }
    let mut out = Vec::new();
    let source = delivery("[2001:db8::7]:50123", &long);
    assert_eq!(source.encode(&mut out), Err(EncodeError::TooLong(1032)));
    assert_eq!(out, b"");
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        any::<Vec<u8>>(),
    ]
    .prop_map(|bytes| strip(&bytes).to_vec())
}

/// Near misses reach further into a parser than bytes at random do.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "to",
        "content",
        "192.0.2.7",
        "::1",
        "[::1]",
        "[",
        "]",
        ":",
        "/",
        ";",
        "(",
        ")",
        "'",
        ",",
        " ",
        "0",
        "7",
        "-",
        "400",
        "TO",
        "\u{2003}",
    ]);
    prop_oneof![
        any::<Vec<u8>>(),
        prop::collection::vec(word, 0..16).prop_map(|words| words.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn messages_survive_the_wire(ip: IpAddr, port in 1u16.., content in content()) {
        let message = Message { to: SocketAddr::new(ip, port), content: &content };
        let mut out = Vec::new();
        match message.encode(&mut out) {
            Ok(()) => prop_assert_eq!(Incoming::decode(&out), Incoming::Message(message)),
            Err(EncodeError::Colon(at)) => prop_assert_eq!(content[at], b':'),
            Err(EncodeError::TooLong(length)) => prop_assert!(length > MAX_DATAGRAM),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn deliveries_survive_the_wire(ip: IpAddr, port: u16, content in content()) {
        let delivery = Reply::Delivery { from: SocketAddr::new(ip, port), content: &content };
        let mut out = Vec::new();
        if delivery.encode(&mut out).is_ok() {
            prop_assert_eq!(Reply::decode(&out), Some(delivery));
        }
    }

    #[test]
    fn addresses_survive_the_wire(ip: IpAddr, port: u16, flowinfo: u32, scope: u32) {
        let address = match ip {
            IpAddr::V4(ip) => SocketAddrV4::new(ip, port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, flowinfo, scope).into(),
        };
        let mut out = Vec::new();
        Reply::Address(address).encode(&mut out).unwrap();
        prop_assert_eq!(Reply::decode(&out), Some(Reply::Address(address)));
    }

    #[test]
    fn any_bytes_are_taken_and_no_reply_is_answered(datagram in datagram()) {
        let incoming = Incoming::decode(&datagram);
        if Reply::decode(&datagram).is_some() {
            prop_assert_eq!(incoming, Incoming::Answer);
        }
        if let Incoming::Message(message) = incoming {
            prop_assert_eq!(strip(message.content), message.content);
            prop_assert_ne!(message.to.port(), 0);
        }
    }
}
