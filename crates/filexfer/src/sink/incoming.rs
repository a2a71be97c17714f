//! What comes of the files that a sink took: their bytes, where to take them from, how they ended.

use proto::filexfer::native::message::{AskChunks, Data, Finish, FromBasis, Hole};
use proto::frame::Frame;

use super::answering::alive;
use super::receiver::Sink;
use super::settle::Finished;
use crate::transfer::{Event, TransferError, rules};

impl Sink<'_> {
    pub(super) fn data(&mut self, frame: Frame<'_, Data>) -> Result<(), TransferError> {
        let peer = self.peer;
        let bytes = match frame.message.unpacked {
            None => frame.bulk,
            Some(length) => {
                let unpacked = self.unpacker.unpack(frame.bulk, length);
                unpacked.map_err(|what| rules(peer, what))?
            }
        };
        let taken = self.inbox.data(bytes.len() as u64);
        let taken = taken.map_err(|violation| rules(peer, violation))?;
        let mut alive = alive(&mut self.sending);
        let slot = &mut taken.with;
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.make(&taken.entry, bytes, self.care);
        slot.open(&taken.entry, self.care, &mut alive);
        slot.write(bytes, &self.target, &mut alive)?;
        self.summary.bytes += bytes.len() as u64;
        self.watch.tell(Event::Moved(bytes.len() as u64));
        Ok(())
    }

    pub(super) fn reuse(&mut self, piece: FromBasis) -> Result<(), TransferError> {
        let peer = self.peer;
        let taken = self.inbox.from_basis(piece);
        let taken = taken.map_err(|violation| rules(peer, violation))?;
        let slot = &mut taken.with;
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.reuse(piece, &mut alive(&mut self.sending));
        self.reused(piece.length);
        Ok(())
    }

    pub(super) fn hole(&mut self, hole: Hole) -> Result<(), TransferError> {
        let peer = self.peer;
        let taken = self.inbox.data(hole.length);
        let taken = taken.map_err(|violation| rules(peer, violation))?;
        let slot = &mut taken.with;
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.open(&taken.entry, self.care, &mut alive(&mut self.sending));
        slot.hole(hole.length, &self.target, &mut alive(&mut self.sending))?;
        self.reused(hole.length);
        Ok(())
    }

    fn reused(&mut self, length: u64) {
        self.summary.reused += length;
        self.watch.tell(Event::Reused(length));
    }

    pub(super) fn ask_chunks(&mut self, ask: AskChunks) -> Result<(), TransferError> {
        let peer = self.peer;
        let taken = self.inbox.ask_chunks(ask);
        let taken = taken.map_err(|violation| rules(peer, violation))?;
        if let Some(base) = &taken.with.base {
            self.signing.chunks(base, ask);
        }
        Ok(())
    }

    pub(super) fn sign(&mut self) -> Result<(), TransferError> {
        self.signing.step(&mut self.sending)
    }

    pub(super) fn finish(&mut self, finish: &Finish) -> Result<(), TransferError> {
        if !matches!(finish, Finish::Whole(_)) {
            self.extras.keep();
        }
        let taken = self.inbox.finish(finish);
        let mut taken = taken.map_err(|violation| self.broken(violation))?;
        let slot = &mut taken.with;
        self.open -= usize::from(slot.early);
        if let Some(base) = &slot.base {
            self.signing.end(base, &mut self.sending)?;
        }
        let mut alive = alive(&mut self.sending);
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.make(&taken.entry, &[], self.care);
        slot.open(&taken.entry, self.care, &mut alive);
        let how = taken.with.finish(&taken.entry, finish, &mut alive);
        self.settling.push(Finished {
            name: taken.entry.name,
            size: taken.got,
            how,
        });
        Ok(())
    }
}
