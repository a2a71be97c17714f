//! Which of the numbers that a peer gives to its packets have come.

/// Remembers the last 128 numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// One more than the highest number that came; 0 before the first.
    next: u64,
    /// Which of the numbers below `next` came; bit 0 is the highest.
    window: u128,
}

/// What a number is among those that came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Above all of them.
    Ahead,
    /// Below one of them, and new.
    Behind,
    /// It came before.
    Again,
}

impl Numbers {
    /// One more than the highest number that came; 0 before the first.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// A number came. One that is older than the window is taken as new: that the network held a packet back for 128
    /// others is likelier than that it doubled it as late.
    #[inline]
    pub(super) fn note(&mut self, number: u64) -> Place {
        if number == self.next && number != u64::MAX {
            self.next += 1;
            self.window = self.window << 1 | 1;
            return Place::Ahead;
        }
        self.note_out_of_line(number)
    }

    #[cold]
    fn note_out_of_line(&mut self, number: u64) -> Place {
        let after = number.saturating_add(1);
        let ahead = after.checked_sub(self.next).filter(|ahead| *ahead > 0);
        if let Some(ahead) = ahead {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.window = self.window.checked_shl(shift).unwrap_or(0);
            self.next = after;
        }
        let behind = u32::try_from(self.next - after).ok();
        let bit = behind.and_then(|behind| 1u128.checked_shl(behind));
        let bit = bit.unwrap_or(0);
        let again = self.window & bit != 0;
        self.window |= bit;
        match (ahead, again) {
            (Some(_), _) => Place::Ahead,
            (None, true) => Place::Again,
            (None, false) => Place::Behind,
        }
    }

    /// Which of the 32 numbers before this one came; bit 0 is the one just before.
    pub(super) fn before(&self, number: u64) -> u32 {
        let behind = self.next.saturating_sub(number);
        let shifted = u32::try_from(behind)
            .ok()
            .and_then(|behind| self.window.checked_shr(behind));
        shifted.unwrap_or(0) as u32
    }
}
