//! Runs of datagrams, a system call for each datagram.

use std::net::UdpSocket;

use super::super::bursts::{Failure, Run};

/// Sends datagrams one by one.
pub(in super::super) struct Out;

impl Out {
    pub(in super::super) fn new() -> Self {
        Self
    }

    /// Sends these runs in order and says which of them failed.
    pub(in super::super) fn send<'a>(
        &mut self,
        socket: &UdpSocket,
        runs: impl Iterator<Item = Run<'a>>,
        failed: &mut impl FnMut(Failure),
    ) {
        for (number, run) in runs.enumerate() {
            let lone = run.datagrams.is_empty().then_some(run.datagrams);
            for datagram in lone
                .into_iter()
                .chain(run.datagrams.chunks(run.size.max(1)))
            {
                if let Err(error) = super::send(socket, datagram, Some(run.to), run.from, None) {
                    failed(Failure {
                        run: number,
                        datagrams: 1,
                        bytes: datagram.len(),
                        error,
                    });
                }
            }
        }
    }
}
