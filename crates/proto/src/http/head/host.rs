//! Whom a request is for, and the forms of its target (RFC 9112, section 3.2).

use crate::http::refusal::Refusal;
use crate::http::request::Method;

/// The longest host with its port: a name has 253 characters at most.
const MAX_HOST: usize = 264;

const NO_HOST: Refusal = Refusal::Malformed("Host is a name or an address, and perhaps a port");

/// Path and query of a target, and whom the request is for: what a target in absolute form says of it overrules `Host`.
pub(super) fn target<'a>(
    method: Method,
    target: &'a str,
    host: Option<&'a str>,
) -> Result<(&'a str, Option<&'a str>), Refusal> {
    if target.contains('#') {
        return Err(Refusal::Malformed("a target has no fragment"));
    }
    if target.starts_with('/') {
        return Ok((target, host));
    }
    if target == "*" {
        return match method {
            Method::Options => Ok((target, host)),
            _ => Err(Refusal::Malformed("only OPTIONS is about *")),
        };
    }
    let rest = after_scheme(target).ok_or(Refusal::Malformed("a target begins with /"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.is_empty() {
        return Err(Refusal::Malformed(
            "a target that begins with http:// names a host",
        ));
    }
    let path = match (path.as_bytes().first(), method) {
        (Some(b'/'), _) => path,
        (None, Method::Options) => "*",
        // A query without a path asks a folder in vain: it is let go.
        _ => "/",
    };
    Ok((path, Some(check(authority)?)))
}

fn after_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let (begin, rest) = target.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// The value of a `Host` field (RFC 9110, section 7.2), which is empty where the target has no host.
pub(super) fn decode(value: &[u8]) -> Result<&str, Refusal> {
    check(std::str::from_utf8(value).map_err(|_| NO_HOST)?)
}

/// Checks `uri-host [ ":" port ]` (RFC 3986, section 3.2.2). A comma is left out, which only a list of hosts has.
fn check(host: &str) -> Result<&str, Refusal> {
    let (name_fits, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(NO_HOST)?;
            (
                !address.is_empty() && address.bytes().all(is_of_literal),
                port,
            )
        }
        None => {
            let end = host.find(':').unwrap_or(host.len());
            (host[..end].bytes().all(is_of_name), &host[end..])
        }
    };
    let digits = port.strip_prefix(':').or(port.is_empty().then_some(""));
    let port_fits = digits.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match name_fits && port_fits && host.len() <= MAX_HOST {
        true => Ok(host),
        false => Err(NO_HOST),
    }
}

fn is_of_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":.%-_~".contains(&byte)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}
