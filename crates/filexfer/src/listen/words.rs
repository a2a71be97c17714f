//! What a listener says at its start: where it is, what to type on the other machine, the code.

use std::net::SocketAddr;

use proto::filexfer::DEFAULT_PORT;
use runtime::{cli, host};
use serde::Serialize;

use super::Service;
use crate::args::{Keyed, Listening};
use crate::key::Offered;
use crate::qr;
use crate::show::Stage;

pub(super) fn introduce<S: Service>(
    addrs: &[SocketAddr],
    offered: &Offered,
    listening: &Listening,
    keyed: &Keyed,
    stage: &Stage,
) -> anyhow::Result<()> {
    let reachable = host::reachable(addrs);
    let commands: Vec<_> = reachable
        .iter()
        .map(|addr| command(S::COMMAND, *addr, offered, keyed))
        .collect();
    if stage.is_json() {
        stage.print_json(&Start {
            kind: "listening",
            listening: addrs,
            reachable: &reachable,
            command: commands.first().map(String::as_str),
            code: code(offered),
        });
        return Ok(());
    }
    let mut text = host::announcement("tcp", addrs);
    for (place, command) in commands.iter().enumerate() {
        let before = match place {
            0 => "on the other machine:",
            _ => "                  or:",
        };
        text += &format!("{before} {command}\n");
    }
    if let Some(code) = code(offered) {
        text += &format!("code: {code}\n");
    }
    if let Some(command) = commands.first().filter(|_| listening.qr) {
        text += &qr::render(command)?;
        text += "\n";
    }
    Ok(cli::announce(&text)?)
}

/// A code is shown, a key in a file never.
fn code(offered: &Offered) -> Option<String> {
    match offered {
        Offered::Code(code) => Some(code.to_string()),
        Offered::File(_) => None,
    }
}

fn command(command: &str, addr: SocketAddr, offered: &Offered, keyed: &Keyed) -> String {
    let mut text = format!("filexfer {command} {}", target(addr));
    if command == "send" {
        text += " PATH";
    }
    if matches!(offered, Offered::File(_)) {
        text += " --key-file FILE";
    }
    if keyed.plain {
        text += " --plain";
    }
    text
}

/// Without the port where that is the usual one.
fn target(addr: SocketAddr) -> String {
    match addr.port() {
        DEFAULT_PORT => addr.ip().to_string(),
        _ => addr.to_string(),
    }
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    listening: &'a [SocketAddr],
    reachable: &'a [SocketAddr],
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

#[cfg(test)]
mod tests {
    use proto::filexfer::Key;

    use super::*;

    #[test]
    fn what_is_to_be_typed() {
        let file = Offered::File(Key::new(*b"key").unwrap());
        let keyed = |plain| Keyed {
            key_file: None,
            plain,
        };
        let table = [
            (
                "get",
                "192.0.2.7:9090",
                false,
                "filexfer get 192.0.2.7 --key-file FILE",
            ),
            (
                "get",
                "[2001:db8::7]:9090",
                false,
                "filexfer get 2001:db8::7 --key-file FILE",
            ),
            (
                "send",
                "[2001:db8::7]:1",
                true,
                "filexfer send [2001:db8::7]:1 PATH --key-file FILE --plain",
            ),
        ];
        for (name, addr, plain, expected) in table {
            let addr = addr.parse().unwrap();
            assert_eq!(command(name, addr, &file, &keyed(plain)), expected);
        }
    }
}
