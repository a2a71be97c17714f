//! One peer, from its first byte to its last.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::KeyCheck;
use proto::filexfer::native::handshake::Refusal;
use proto::filexfer::native::message::{Course, Request};
use proto::filexfer::native::name::Name;
use proto::frame::Message;

use super::{House, Outcome, Service};
use crate::classic;
use crate::guard::Claim;
use crate::line::Held;
use crate::session::{Caller, Session, SessionError, Start};
use crate::transfer::{Event, TransferError, Watch, refusal, rules};

/// How long all that comes before the proof of the key may take.
const PROVING: Duration = Duration::from_secs(10);

/// A peer that has connected, before there is a thread for it.
pub(super) struct Arrived {
    caller: Caller,
    peer: SocketAddr,
    held: Held,
}

impl<S: Service> House<'_, S> {
    pub(super) fn greet(&self, stream: TcpStream, peer: SocketAddr) -> anyhow::Result<Arrived> {
        let line = Arc::new(stream.try_clone()?);
        let caller = Caller::new(stream, peer, &self.guard, PROVING)?;
        let held = self.lines.hold(line);
        Ok(Arrived { caller, peer, held })
    }

    pub(super) fn attend(&self, arrived: Arrived) {
        let Arrived { caller, peer, held } = arrived;
        match self.let_in(caller, peer) {
            Ok(()) => {}
            Err(_) if self.lines.are_cut() => {
                self.stage
                    .note(&format!("{peer}: interrupted; it can go on later"));
            }
            Err(error) => self.stage.note(&format!("{error:#}")),
        }
        drop(held);
    }

    fn let_in(&self, mut caller: Caller, peer: SocketAddr) -> anyhow::Result<()> {
        let accepted = match self.service.classic() {
            Some(path) => match caller.start() {
                Ok(Start::Other) => return self.let_in_classic(caller, peer, path),
                Ok(Start::Native) => caller.accept(&self.key, self.protection),
                Err(error) => Err(error),
            },
            None => caller.accept(&self.key, self.protection),
        };
        match accepted {
            Ok((session, claim)) => self.serve(session, claim),
            // Scans and other strangers are no news.
            Err(error @ (SessionError::Late { .. } | SessionError::Lost { .. })) => {
                tracing::debug!("{error}");
                Ok(())
            }
            Err(error) => {
                self.turned_away(&error.to_string());
                Ok(())
            }
        }
    }

    fn let_in_classic(&self, caller: Caller, peer: SocketAddr, path: &Path) -> anyhow::Result<()> {
        let (stream, shown, entered) = caller.into_stream();
        let claim = match self.judge_classic(&stream, peer, shown) {
            Ok(claim) => claim,
            Err(error) => {
                tracing::debug!(%peer, %error, "a classic client showed no key");
                return Ok(());
            }
        };
        drop(entered);
        self.serve_classic(stream, peer, path, claim)
    }

    fn serve(&self, mut session: Session, claim: Claim) -> anyhow::Result<()> {
        let peer = session.peer;
        let request = request(&mut session)?;
        let mut show = self.stage.show(S::WAY, request.course(), Some(peer));
        let outcome = match self.service.serve(session, request, &mut show) {
            // This side was told to stop, and it was all there.
            Err(_) if show.rests() && self.lines.are_cut() => {
                self.end_with(show.finish(None));
                claim.finish();
                return Ok(());
            }
            outcome => outcome?,
        };
        match outcome {
            // What was looked at is still to come: the key is good for that.
            Outcome::Done(_) if show.course() == Course::Preview => {
                show.finish(None);
            }
            Outcome::Done(summary) => {
                self.end_with(show.finish(Some(summary.wire)));
                match summary.failed {
                    0 => claim.finish(),
                    _ => self
                        .stage
                        .note(&format!("{peer}: has not all; it can try again")),
                }
            }
            Outcome::Looked => self
                .stage
                .remark(&format!("{peer}: looked at what there is")),
            Outcome::Refused(refused) => {
                let why = refusal(&refused);
                self.stage.note(&format!("{peer}: was told that {why}"));
            }
        }
        Ok(())
    }

    /// `None` where the key is wrong, or too many were.
    fn judge_classic(
        &self,
        stream: &TcpStream,
        peer: SocketAddr,
        shown: Vec<u8>,
    ) -> io::Result<Option<Claim>> {
        let deadline = Instant::now() + PROVING;
        let proven = match classic::show_key(stream, shown, &self.key, deadline)? {
            KeyCheck::Right => Ok(()),
            KeyCheck::Wrong | KeyCheck::Partial => Err(Refusal::WrongKey),
        };
        let now = Instant::now();
        let Ok(wait) = self.guard.begin(peer.ip(), now) else {
            return Ok(None);
        };
        if !wait.is_zero() && self.door.wait_until(now + wait) {
            return Ok(None);
        }
        Ok(self.guard.admit(peer.ip(), proven, Instant::now()).ok())
    }

    fn serve_classic(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        path: &Path,
        claim: Option<Claim>,
    ) -> anyhow::Result<()> {
        let Some(claim) = claim else {
            self.turned_away(&format!("{peer}: a classic client's key is wrong"));
            return Ok(classic::refuse(stream)?);
        };
        let mut show = self.stage.show(S::WAY, Course::Once, Some(peer));
        if let Some(name) = path.file_name()
            && let Ok(name) = Name::new(name.as_encoded_bytes())
        {
            let (size, from) = (path.metadata().ok().map(|data| data.len()), 0);
            let name = &name;
            show.tell(Event::Begun { name, size, from });
        }
        classic::send(stream, path, |bytes| show.tell(Event::Moved(bytes)))?;
        show.finish_unverified();
        claim.finish();
        Ok(())
    }
}

/// What the peer is there for.
fn request(session: &mut Session) -> Result<Request, TransferError> {
    let peer = session.peer;
    let broken = |what: String| rules(peer, what);
    let frame = session.receiving.next()?;
    let frame = frame.ok_or_else(|| broken("it asked for nothing".into()))?;
    if frame.prefix.kind != Request::KIND {
        return Err(broken(format!(
            "expected a request, got a frame of kind {}",
            frame.prefix.kind
        )));
    }
    let request = frame.decode::<Request>();
    Ok(request.map_err(|error| broken(error.to_string()))?.message)
}
