//! Names that are new here: they are claimed from all relays, and whoever registers by one waits for that.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::relay::hub::elsewhere::{Claimed, Errand};
use crate::relay::hub::native::Native;
use crate::relay::hub::native::names::NameId;
use crate::relay::hub::{Burst, Hub, Outbox, Reach, Via};
use crate::relay::native::handshake::{Refusal, Register};
use crate::relay::native::identity::{Claim, PublicKeys};
use crate::relay::native::{MessageId, Name};

/// A registration whose claim is proven, and waits for whose the name is.
#[derive(Debug)]
pub(in crate::relay::hub::native) struct Registration {
    from: SocketAddr,
    via: Via,
    register: Register,
    name: Name,
}

/// What is known of a name that is claimed.
#[derive(Debug)]
struct Asked {
    /// When it was claimed last.
    at: Duration,
    /// The registrations that wait for it.
    waiting: VecDeque<u64>,
}

/// Registrations that wait, in the order in which they came; one for each address.
#[derive(Debug, Default)]
pub(in crate::relay::hub::native) struct Claims {
    waiting: BTreeMap<u64, Registration>,
    places: BTreeMap<SocketAddr, u64>,
    asked: BTreeMap<Name, Asked>,
    serial: u64,
}

/// What is to be done about a name that a registration waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay::hub::native) enum Wait {
    /// It is to be claimed.
    Claim,
    /// It is claimed already.
    Claimed,
}

impl Claims {
    /// The most registrations that wait; for another one, the one that has waited longest is forgotten.
    const MAX: usize = 4096;

    /// The most for one name.
    const MAX_OF_NAME: usize = 16;

    /// How long a claim is not repeated, although a client repeats its registration.
    const AGAIN: Duration = Duration::from_secs(5);

    /// Keeps a registration for a name that is not known.
    pub(in crate::relay::hub::native) fn keep(
        &mut self,
        burst: &Burst<'_>,
        register: &Register,
        name: Name,
        now: Duration,
    ) -> Wait {
        self.serial += 1;
        let is_new = !self.asked.contains_key(&name);
        let asked = self.asked.entry(name).or_insert_with(|| Asked {
            at: now,
            waiting: VecDeque::new(),
        });
        asked.waiting.push_back(self.serial);
        let is_beyond = asked.waiting.len() > Self::MAX_OF_NAME;
        let beyond = asked.waiting.front().copied().filter(|_| is_beyond);
        let registration = Registration {
            from: burst.from,
            via: burst.via,
            register: *register,
            name,
        };
        self.waiting.insert(self.serial, registration);
        let before = self.places.insert(burst.from, self.serial);
        let is_full = self.waiting.len() > Self::MAX;
        let oldest = self.waiting.keys().next().copied().filter(|_| is_full);
        for gone in [before, beyond, oldest].into_iter().flatten() {
            self.remove(gone);
        }
        match is_new {
            true => Wait::Claim,
            false => self.again(&name, now),
        }
    }

    /// Whether this registration waits already, and what is to be done about it.
    pub(in crate::relay::hub::native) fn waits(
        &mut self,
        from: SocketAddr,
        register: &Register,
        now: Duration,
    ) -> Option<Wait> {
        let registration = self.waiting.get(self.places.get(&from)?)?;
        let name = registration.name;
        (registration.register == *register).then(|| self.again(&name, now))
    }

    /// A name is claimed again where nobody has answered for long.
    fn again(&mut self, name: &Name, now: Duration) -> Wait {
        let asked = self.asked.get_mut(name);
        match asked.filter(|asked| asked.at + Self::AGAIN <= now) {
            Some(asked) => {
                asked.at = now;
                Wait::Claim
            }
            None => Wait::Claimed,
        }
    }

    /// What waits at this address is for nothing.
    pub(in crate::relay::hub::native) fn forget(&mut self, from: SocketAddr) {
        if let Some(serial) = self.places.get(&from).copied() {
            self.remove(serial);
        }
    }

    /// All that waits for this name.
    fn take(&mut self, name: &Name) -> Vec<Registration> {
        let serials = self.asked.get(name).map(|asked| asked.waiting.clone());
        let serials = serials.unwrap_or_default().into_iter();
        serials.filter_map(|serial| self.remove(serial)).collect()
    }

    fn remove(&mut self, serial: u64) -> Option<Registration> {
        let registration = self.waiting.remove(&serial)?;
        if self.places.get(&registration.from) == Some(&serial) {
            self.places.remove(&registration.from);
        }
        if let Some(asked) = self.asked.get_mut(&registration.name) {
            asked.waiting.retain(|other| *other != serial);
            if asked.waiting.is_empty() {
                self.asked.remove(&registration.name);
            }
        }
        Some(registration)
    }

    #[cfg(test)]
    pub(in crate::relay::hub::native) fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl Native {
    /// Whether all know whose a name is. In a fleet, one that this relay alone has remembered is claimed by its owner.
    pub(in crate::relay::hub::native) fn is_settled(&self, name: NameId) -> bool {
        self.reach != Reach::Fleet || self.names.get(name).keys().is_some()
    }

    /// All relays know that a name belongs to these keys: what this one alone has remembered of it does not count.
    pub(super) fn believe(&mut self, name: Name, keys: &PublicKeys) {
        if let Some(id) = self.names.find(&name).filter(|id| !self.is_settled(*id)) {
            self.names.get_mut(id).key = keys.signing;
        }
        self.remember_keys(name, keys);
    }
}

impl Hub {
    /// Has a registration wait until it is known whose this name is, which nobody here has had.
    pub(in crate::relay::hub::native) fn claim_from_all(
        &mut self,
        burst: &Burst<'_>,
        register: &Register,
        claim: &Claim,
        now: Duration,
    ) {
        let wait = self.native.claims.keep(burst, register, claim.name, now);
        self.send_claim(wait, claim);
    }

    /// Whether this registration waits for its name already.
    pub(in crate::relay::hub::native) fn waits_for_name(
        &mut self,
        burst: &Burst<'_>,
        register: &Register,
        now: Duration,
    ) -> bool {
        let wait = self.native.claims.waits(burst.from, register, now);
        if let (Some(wait), Some(claim)) = (wait, &register.claim) {
            self.send_claim(wait, claim);
        }
        wait.is_some()
    }

    /// Somebody registers by a name that belongs to another key here: where this relay alone says so, all are asked.
    pub(in crate::relay::hub::native) fn doubt(&mut self, name: &Name) {
        let known = self.native.names.find(name);
        if known.is_some_and(|id| !self.native.is_settled(id)) {
            self.native.errand(Errand::Look { name: *name });
        }
    }

    fn send_claim(&mut self, wait: Wait, claim: &Claim) {
        let (name, keys) = (claim.name, claim.keys);
        if wait == Wait::Claim {
            self.native.errand(Errand::Claim { name, keys });
        }
    }

    /// Whether a name could be claimed is known: those who have waited for it are answered.
    pub(in crate::relay::hub) fn claimed(
        &mut self,
        name: &Name,
        claimed: &Claimed,
        now: Duration,
        out: &mut Outbox,
    ) {
        if let Claimed::Belongs(keys) = claimed {
            self.native.believe(*name, keys);
        }
        for registration in self.native.claims.take(name) {
            let burst = Burst {
                from: registration.from,
                via: registration.via,
                bytes: &[],
                size: 0,
            };
            let register = &registration.register;
            let admitted = self.admit_claimed(&burst, register, claimed, now, out);
            self.answer_registration(&burst, register.nonce, admitted, out);
        }
    }

    /// Begins the session of a registration that has waited, if the name is its own.
    fn admit_claimed(
        &mut self,
        burst: &Burst<'_>,
        register: &Register,
        claimed: &Claimed,
        now: Duration,
        out: &mut Outbox,
    ) -> Result<MessageId, Refusal> {
        let claim = register.claim.as_ref().ok_or(Refusal::NotProven)?;
        if *claimed == Claimed::CutOff {
            return Err(Refusal::CutOff);
        }
        self.has_room_for(burst.from)?;
        let name = self.native.names.find(&claim.name).ok_or(Refusal::Full)?;
        let known = self.native.names.get_mut(name);
        if known.key != claim.keys.signing {
            return Err(Refusal::NameTaken);
        }
        known.bind(&claim.keys);
        let token = self.native.gate.token(burst.from, register.nonce);
        self.begin_session(burst, (token, register.purpose), Some(name), now, out)
    }
}
