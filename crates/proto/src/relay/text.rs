//! The pieces that a message and a delivery are both made of.

use std::net::IpAddr;
use std::str::FromStr;

use super::{EncodeError, MAX_DATAGRAM};

/// The keyword before the text.
pub(super) const CONTENT: &[u8] = b"content";

/// Appends both parts, or nothing where they do not make a datagram that holds exactly this content.
pub(super) fn append_content(
    out: &mut Vec<u8>,
    header: &[u8],
    content: &[u8],
) -> Result<(), EncodeError> {
    if strip(content) != content {
        return Err(EncodeError::OuterSpace);
    }
    let length = header.len() + content.len();
    if length > MAX_DATAGRAM {
        return Err(EncodeError::TooLong(length));
    }
    out.extend_from_slice(header);
    out.extend_from_slice(content);
    Ok(())
}

pub(super) fn in_brackets(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Appends an address, an IPv6 one in brackets.
pub(super) fn append_address(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            append_number(out, a.into());
            for octet in [b, c, d] {
                out.push(b'.');
                append_number(out, octet.into());
            }
        }
        IpAddr::V6(_) => out.extend_from_slice(in_brackets(ip).as_bytes()),
    }
}

/// Appends a number in digits.
pub(super) fn append_number(out: &mut Vec<u8>, number: u16) {
    for power in [10_000, 1000, 100, 10] {
        if number >= power {
            out.push(b'0' + (number / power % 10) as u8);
        }
    }
    out.push(b'0' + (number % 10) as u8);
}

/// An IPv4 address, or an IPv6 address with or without brackets.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    text.strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .map_or_else(|| parse(text), |inside| parse(inside).map(IpAddr::V6))
}

pub(super) fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number that is written in digits alone.
pub(super) fn digits<T: FromStr>(text: &[u8]) -> Option<T> {
    text.iter()
        .all(u8::is_ascii_digit)
        .then(|| parse(text))
        .flatten()
}

pub(super) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The text without the white space at its ends.
#[inline]
pub(super) fn strip(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    match (text.first(), text.last()) {
        // Nothing more to strip, whether it is UTF-8 or not.
        (Some(0x21..=0x7e), Some(0x21..=0x7e)) => text,
        _ => strip_rarities(text),
    }
}

#[cold]
pub(super) fn strip_rarities(text: &[u8]) -> &[u8] {
    std::str::from_utf8(text).map_or_else(
        |_| text.trim_ascii(),
        |text| text.trim_matches(is_python_space).as_bytes(),
    )
}

/// Whether the byte stands in the text. All of it is looked at, which compiles to many bytes at once.
#[inline]
pub(super) fn has(text: &[u8], wanted: u8) -> bool {
    text.iter()
        .fold(false, |found, byte| found | (*byte == wanted))
}

/// Python counts the four information separators of ASCII as white space, and Unicode's property does not.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
