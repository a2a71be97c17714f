//! Requests that are too much of something, each with the status that says of what.

use super::{Target, request};

pub(super) const COUNT: usize = 19;

#[test]
fn too_much_is_refused_with_its_status() {
    let mut target = Target::new(&[]);
    let long = |length: usize| "x".repeat(length);
    let with = |lines: &str| request("GET", "/a.txt", lines);
    let cases = [
        (request("GET", &format!("/{}", long(8_191)), ""), "404"),
        (request("GET", &format!("/{}", long(8_192)), ""), "414"),
        (request("GET", &format!("/{}", long(65_536)), ""), "414"),
        (
            request("GET", &format!("/a.txt?{}", long(1_000_000)), ""),
            "414",
        ),
        (
            request("GET", &format!("/{}", "a/".repeat(3_000)), ""),
            "404",
        ),
        (request("GET", &"/".repeat(8_000), ""), "200|400|404|308"),
        (request("GET", &"/%2e%2e".repeat(1_000), ""), "400|404"),
        (with(&format!("{}: b\r\n", long(65_536))), "431"),
        (with(&format!("{}: b\r\n", long(257))), "431"),
        (with(&format!("A: {}\r\n", long(16_385))), "431"),
        (with(&format!("A: {}\r\n", long(1_000_000))), "431"),
        (with(&format!("A:{}\r\n", " ".repeat(70_000))), "431"),
        (with(&format!("A: {}\r\n", long(16_000)).repeat(5)), "431"),
        (with(&"A: b\r\n".repeat(100)), "431"),
        (with(&"A: b\r\n".repeat(10_000)), "431"),
        (with(&format!("Host: {}\r\n", long(300))), "400"),
        (request(&long(33), "/a.txt", ""), "501"),
        (with("Content-Length: 1048577\r\n") + &long(1_000), "413"),
        (long(1_000_000), "501"),
    ];
    assert_eq!(cases.len(), COUNT);
    target.check_all(
        cases
            .iter()
            .map(|(says, expected)| (says.as_bytes(), *expected)),
    );
    // And just not too much.
    let enough = [
        with(&"A: b\r\n".repeat(99)),
        with(&format!("{}: b\r\n", long(256))),
        with(&format!("A: {}\r\n", long(16_000)).repeat(4)),
        request("GET", &format!("/a.txt?{}", long(8_000)), ""),
    ];
    target.check_all(enough.iter().map(|says| (says.as_bytes(), "200")));
}
