//! Who somebody is: a pair of keys that a name belongs to, and how that is proven.
//!
//! An identity is 32 secret bytes. Two keys follow from them: one that signs (Ed25519, RFC 8032) and holds the name, and
//! one that messages are sealed for (X25519, RFC 7748), which is signed by the first ([`Binding`](PublicKeys::binding)).

use std::fmt;

use aws_lc_rs::agreement::{self, X25519};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::Name;
use super::handshake::{Cookie, Nonce};

/// The secret of somebody: the seed of their Ed25519 key, from which the X25519 one follows too. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl Identity {
    const SEALING: &str = "plumbline 2026-11-21 relay, the secret that messages are sealed for";

    /// Takes 32 bytes that nobody can guess.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What others know it by.
    pub fn keys(&self) -> PublicKeys {
        let pair = self.pair();
        let sealing = agreement::PrivateKey::from_private_key(&X25519, &self.sealing_secret())
            .expect("any 32 bytes are a secret of X25519")
            .compute_public_key()
            .expect("every secret has a public key");
        let sealing = SealingKey(array(sealing.as_ref()));
        PublicKeys {
            signing: SigningKey(array(pair.public_key().as_ref())),
            sealing,
            binding: sign(&pair, &binding(&sealing)),
        }
    }

    /// The X25519 secret that messages for it are sealed for.
    pub fn sealing_secret(&self) -> [u8; 32] {
        blake3::derive_key(Self::SEALING, &self.0)
    }

    /// Claims a name in the registration that has this nonce and this cookie.
    pub fn claim(&self, name: Name, nonce: Nonce, cookie: Cookie) -> Claim {
        Claim {
            name,
            keys: self.keys(),
            proof: sign(&self.pair(), &registration(&name, nonce, cookie)),
        }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.0).expect("any 32 bytes are a seed of Ed25519")
    }
}

/// An Ed25519 public key, which a name belongs to. It is shown as what people compare: 8 groups of 4 hexadecimal digits
/// of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SigningKey(pub [u8; 32]);

impl SigningKey {
    const FINGERPRINT: &str = "plumbline 2026-11-21 relay, the fingerprint of a key";

    /// The key itself as 64 hexadecimal digits in lower case.
    pub fn to_hex(&self) -> String {
        hexadecimal(&self.0)
    }

    /// The key of 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_key = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = is_key.then(|| text.as_bytes().chunks(2))?;
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }
}

impl fmt::Display for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::derive_key(Self::FINGERPRINT, &self.0);
        let groups = hash[..16].chunks(2).map(hexadecimal);
        f.pad(&groups.collect::<Vec<_>>().join(" "))
    }
}

/// An X25519 public key, which messages are sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey(pub [u8; 32]);

/// An Ed25519 signature, in two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(pub [u8; 32], pub [u8; 32]);

/// What others know somebody by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// What the name belongs to.
    pub signing: SigningKey,
    /// What messages are sealed for.
    pub sealing: SealingKey,
    /// The signature of the first over the second.
    pub binding: Signature,
}

impl PublicKeys {
    /// Whether the owner of the first key says that the second is theirs too.
    pub fn is_bound(&self) -> bool {
        self.signing
            .has_signed(&binding(&self.sealing), &self.binding)
    }
}

/// A name that a client goes by, and the proof that it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The name.
    pub name: Name,
    /// The keys that it belongs to.
    pub keys: PublicKeys,
    /// The signing key's signature over nonce, cookie and name of this registration.
    pub proof: Signature,
}

impl Claim {
    /// Whether the owner of the key claims this name in the registration that has this nonce and this cookie.
    pub fn is_proven(&self, nonce: Nonce, cookie: Cookie) -> bool {
        let signed = registration(&self.name, nonce, cookie);
        self.keys.signing.has_signed(&signed, &self.proof)
    }
}

impl SigningKey {
    fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = [signature.0, signature.1].concat();
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(message, &signature).is_ok()
    }
}

fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> Signature {
    let signature = pair.sign(message);
    let (one, other) = signature.as_ref().split_at(32);
    Signature(array(one), array(other))
}

/// What the first key signs to bind the second.
fn binding(sealing: &SealingKey) -> Vec<u8> {
    [b"plumbline relay, sealing key: ".as_slice(), &sealing.0].concat()
}

/// What a key signs to register by a name; whoever hears it cannot use it for another registration.
fn registration(name: &Name, nonce: Nonce, cookie: Cookie) -> Vec<u8> {
    let purpose = b"plumbline relay, registration: ".as_slice();
    [purpose, &nonce.0, &cookie.0, name.as_bytes()].concat()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of a key or of half a signature.
fn array(bytes: &[u8]) -> [u8; 32] {
    bytes
        .try_into()
        .expect("keys and halves of signatures have 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = Nonce([1; 16]);
    const COOKIE: Cookie = Cookie([2; 16]);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_claim_is_for_its_registration_and_its_name_alone() {
        let claim = Identity::new([7; 32]).claim(name("alice"), NONCE, COOKIE);
        assert!(claim.is_proven(NONCE, COOKIE) && claim.keys.is_bound());
        assert!(!claim.is_proven(Nonce([3; 16]), COOKIE));
        assert!(!claim.is_proven(NONCE, Cookie([3; 16])));
        let bob = name("bob");
        assert!(!Claim { name: bob, ..claim }.is_proven(NONCE, COOKIE));
        let keys = Identity::new([8; 32]).keys();
        assert!(!Claim { keys, ..claim }.is_proven(NONCE, COOKIE));
        let sealing = keys.sealing;
        assert!(
            !PublicKeys {
                sealing,
                ..claim.keys
            }
            .is_bound()
        );
        let binding = claim.proof;
        assert!(
            !PublicKeys {
                binding,
                ..claim.keys
            }
            .is_bound()
        );
    }

    /// RFC 8032, 7.1, test 1: the key of a seed.
    #[test]
    fn the_key_is_that_of_its_seed() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let seed = SigningKey::from_hex(seed).unwrap().0;
        let key = Identity::new(seed).keys().signing;
        assert_eq!(key.to_hex(), public);
        assert_eq!(SigningKey::from_hex(&public.to_uppercase()), Some(key));
    }

    #[test]
    fn what_is_no_key_is_none() {
        let table = [
            "",
            "00",
            &"0".repeat(63),
            &"g".repeat(64),
            &"é".repeat(32),
            &"+0".repeat(32),
        ];
        for text in table {
            assert_eq!(SigningKey::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_eight_groups_and_secrets_are_not_shown() {
        let identity = Identity::new([7; 32]);
        let fingerprint = identity.keys().signing.to_string();
        assert_eq!(fingerprint.len(), 8 * 4 + 7);
        assert_ne!(
            fingerprint,
            Identity::new([8; 32]).keys().signing.to_string()
        );
        assert_eq!(format!("{identity:?}"), "Identity(***)");
        assert_ne!(identity.sealing_secret(), identity.0);
    }
}
