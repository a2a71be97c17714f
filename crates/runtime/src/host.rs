//! The machine's own name and addresses, as a person would want to type them elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How other machines can reach this one.
#[derive(Clone, Debug)]
struct Host {
    /// The machine's name.
    name: String,
    /// Its addresses but for loopback and link-local ones; empty where it has no network.
    addrs: Vec<IpAddr>,
}

impl Host {
    /// Asks the system. What it does not tell is left empty.
    fn look_up() -> Self {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let mut addrs: Vec<_> = interfaces
            .iter()
            .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
            .map(if_addrs::Interface::ip)
            .collect();
        addrs.sort_unstable();
        addrs.dedup();
        Self {
            name: name(),
            addrs,
        }
    }

    fn reachable(&self, listening: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut all: Vec<_> = listening.iter().flat_map(|at| self.reaching(*at)).collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            let loopback = |at: &SocketAddr| match at.ip() {
                IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, at.port())),
                IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, at.port())),
            };
            all.extend(listening.iter().map(loopback));
        }
        all
    }

    /// The addresses that lead to one socket.
    fn reaching(&self, socket: SocketAddr) -> Vec<SocketAddr> {
        if !socket.ip().is_unspecified() {
            return vec![socket];
        }
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == socket.is_ipv4();
        let ips = self.addrs.iter().filter(same_family);
        ips.map(|ip| SocketAddr::new(*ip, socket.port())).collect()
    }

    /// What to tell a person about sockets that listen on every interface; `None` where none does.
    fn introduce(&self, listening: &[SocketAddr]) -> Option<String> {
        let reaches = |ip: &IpAddr| {
            listening
                .iter()
                .any(|socket| socket.ip().is_unspecified() && socket.is_ipv4() == ip.is_ipv4())
        };
        let reached: Vec<_> = self.addrs.iter().filter(|ip| reaches(ip)).collect();
        let every = listening.iter().any(|socket| socket.ip().is_unspecified());
        every.then(|| {
            let addrs = reached.iter().map(|ip| format!(", {ip}"));
            format!("this machine is {}{}", self.name, addrs.collect::<String>())
        })
    }
}

/// The machine's name.
pub fn name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// The addresses, with ports, by which others reach these sockets: each once, those of IPv4 first since they are the
/// shorter to type. Where the machine has no network they are those of this machine itself.
pub fn reachable(listening: &[SocketAddr]) -> Vec<SocketAddr> {
    Host::look_up().reachable(listening)
}

/// All addresses of this machine, loopback included, and those by which all machines of its networks are reached at once.
/// What the system does not tell is left out.
pub fn own_addrs() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addrs = interfaces.iter().flat_map(|interface| {
        let broadcast = match &interface.addr {
            if_addrs::IfAddr::V4(addr) => addr.broadcast.map(IpAddr::V4),
            if_addrs::IfAddr::V6(_) => None,
        };
        [Some(interface.ip()), broadcast].into_iter().flatten()
    });
    let mut addrs: Vec<_> = addrs.collect();
    addrs.sort_unstable();
    addrs.dedup();
    addrs
}

/// Where a server listens, for scripts and for people: a line `listening on SCHEME://ADDR:PORT` for each socket, and how
/// other machines can reach it if they can.
pub fn announcement(scheme: &str, listening: &[SocketAddr]) -> String {
    let lines = listening
        .iter()
        .map(|addr| format!("listening on {scheme}://{addr}\n"));
    let introduction = Host::look_up().introduce(listening);
    lines.chain(introduction.map(|text| text + "\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_type() {
        let host = Host {
            name: "plum".into(),
            addrs: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        };
        let alone = Host {
            name: "plum".into(),
            addrs: Vec::new(),
        };
        let table = [
            (&host, "[::]:1 0.0.0.0:1", "192.0.2.7:1 [2001:db8::7]:1"),
            (&host, "0.0.0.0:1", "192.0.2.7:1"),
            (&host, "127.0.0.1:1", "127.0.0.1:1"),
            (&alone, "0.0.0.0:1 [::]:1", "127.0.0.1:1 [::1]:1"),
        ];
        for (host, listening, expected) in table {
            let addrs = |text: &str| -> Vec<SocketAddr> {
                text.split(' ').map(|addr| addr.parse().unwrap()).collect()
            };
            assert_eq!(host.reachable(&addrs(listening)), addrs(expected));
        }
    }

    #[test]
    fn this_machine_has_its_loopback_address_and_each_once() {
        let addrs = own_addrs();
        assert!(addrs.contains(&Ipv4Addr::LOCALHOST.into()), "{addrs:?}");
        assert!(addrs.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn only_addresses_that_reach_a_socket_are_named() {
        let host = Host {
            name: "plum".into(),
            addrs: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        };
        let table = [
            (
                "0.0.0.0:1 [::]:1",
                Some("this machine is plum, 192.0.2.7, 2001:db8::7"),
            ),
            ("0.0.0.0:1", Some("this machine is plum, 192.0.2.7")),
            (
                "127.0.0.1:1 [::]:1",
                Some("this machine is plum, 2001:db8::7"),
            ),
            ("127.0.0.1:1", None),
        ];
        for (listening, expected) in table {
            let listening: Vec<SocketAddr> = listening
                .split(' ')
                .map(|addr| addr.parse().unwrap())
                .collect();
            assert_eq!(host.introduce(&listening).as_deref(), expected);
        }
    }
}
