//! Requests that are cut short: every beginning of some good ones.

use super::Target;

const WHOLE: &[&str] = &[
    "GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n",
    "POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHELLO",
    "GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
];

#[test]
fn what_is_cut_short_is_not_answered() {
    let mut target = Target::new(&[]);
    for whole in WHOLE {
        let beginnings = (1..whole.len()).map(|end| (&whole.as_bytes()[..end], "-"));
        target.check_all(beginnings);
        target.check(whole.as_bytes(), "200|206|405");
    }
}

/// Who breaks off in the middle of his request, or of the answer, leaves nothing behind.
#[test]
fn who_breaks_off_is_forgotten() {
    let mut target = Target::new(&[]);
    for whole in WHOLE {
        for end in 1..whole.len() {
            let mut line = super::Line::to(target.server.addr());
            line.say_what_can_be_said(&whole.as_bytes()[..end]);
        }
    }
    for _ in 0..100 {
        let mut line = super::Line::to(target.server.addr());
        line.say_what_can_be_said(WHOLE[0].repeat(20).as_bytes());
    }
    target.check_good();
}
