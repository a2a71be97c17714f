//! The server: one conversation for each client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::months::{Conversation, DEFAULT_PORT, Reply};
use runtime::addr::Bind;
use runtime::cli::Exit;
use runtime::peers::PeerTable;
use runtime::shutdown::Shutdown;
use runtime::udp::{Datagram, Policy, Server, Service, Socket, Verdict};

/// Conversations at once, and how long one is kept when its client is silent.
const CLIENTS: usize = 65_536;
const CLIENT_LIFETIME: Duration = Duration::from_secs(600);

pub(crate) fn run(binds: &[Bind]) -> anyhow::Result<Exit> {
    let server = Server::new(Socket::bind_all(binds, DEFAULT_PORT)?, Policy::default());
    server.run_until_signal(&Shutdown::on_signal()?, "", |_| Months {
        conversations: PeerTable::new(CLIENTS, CLIENT_LIFETIME),
    })?;
    Ok(Exit::Success)
}

struct Months {
    conversations: PeerTable<SocketAddr, Conversation>,
}

impl Service for Months {
    type Seal = ();

    fn answer(&mut self, request: &Datagram<'_>, now: Instant, reply: &mut Vec<u8>) -> Verdict {
        let conversation = self.conversations.get(request.from, now);
        let Some(answer) = conversation.reply(request.payload) else {
            return Verdict::Silent;
        };
        if answer == Reply::Goodbye {
            self.conversations.remove(&request.from);
        }
        answer.encode(reply);
        Verdict::Reply
    }
}
